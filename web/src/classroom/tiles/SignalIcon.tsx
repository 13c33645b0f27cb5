import type { Quality } from '../room/people';

const bars: Record<Quality, number> = { excellent: 3, good: 3, poor: 1, lost: 0, unknown: 0 };

/** Three bars, as many of them full as the connection is good. */
export function SignalIcon({ quality, className = '' }: { quality: Quality; className?: string }) {
  const full = bars[quality];
  return (
    <svg
      viewBox="0 0 24 24"
      className={className}
      fill="none"
      stroke="currentColor"
      strokeWidth="3.2"
      strokeLinecap="round"
      aria-hidden="true"
    >
      {['M5 19v-4', 'M12 19V10', 'M19 19V5'].map((path, index) => (
        <path key={path} d={path} opacity={index < full ? 1 : 0.35} />
      ))}
    </svg>
  );
}
