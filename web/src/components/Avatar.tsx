import { initials, stableIndex } from '../lib/initials';
import classes from './Avatar.module.css';

const tones = ['a', 'b', 'c', 'd', 'e'] as const;

/** Initials on a soft colour that always belongs to the same person. */
export function Avatar({ name, className = '' }: { name: string; className?: string | undefined }) {
  const tone = tones[stableIndex(name, tones.length)] ?? 'a';
  return (
    <span className={`${classes.avatar ?? ''} ${classes[tone] ?? ''} ${className}`} aria-hidden="true">
      {initials(name)}
    </span>
  );
}
