export type Sitter = 'lucia' | 'kenji' | 'leila' | 'you';

interface Look {
  wall: string;
  light: string;
  coat: string;
  skin: string;
  shade: string;
  hair: string;
  cut: 'long' | 'short' | 'scarf' | 'curls';
}

const tone = (name: string, step: number) => `var(--mantine-color-${name}-${step})`;

const looks: Record<Sitter, Look> = {
  lucia: { wall: tone('gray', 3), light: tone('warn', 1), coat: tone('warn', 5), skin: tone('warn', 2), shade: tone('warn', 3), hair: tone('dark', 6), cut: 'long' },
  kenji: { wall: tone('gray', 4), light: tone('info', 1), coat: tone('info', 8), skin: tone('warn', 1), shade: tone('warn', 2), hair: tone('dark', 7), cut: 'short' },
  leila: { wall: tone('success', 1), light: tone('gray', 0), coat: tone('accent', 6), skin: tone('warn', 2), shade: tone('warn', 3), hair: tone('accent', 8), cut: 'scarf' },
  you: { wall: tone('gray', 3), light: tone('success', 1), coat: tone('accent', 7), skin: tone('warn', 6), shade: tone('warn', 7), hair: tone('dark', 8), cut: 'curls' },
};

/** A drawn stand-in for somebody on camera; colours come from the theme. */
export function Portrait({ sitter }: { sitter: Sitter }) {
  const look = looks[sitter];
  return (
    <svg viewBox="0 0 320 180" preserveAspectRatio="xMidYMid slice">
      <rect width="320" height="180" fill={look.wall} />
      <circle cx="252" cy="52" r="74" fill={look.light} opacity=".55" />
      <rect x="24" y="36" width="62" height="50" rx="4" fill={look.light} opacity=".5" />
      {look.cut === 'long' && <path d="M112 92c0-34 20-56 48-56s48 22 48 56c0 26 6 46 2 64h-100c-4-18 2-38 2-64z" fill={look.hair} />}
      {look.cut === 'scarf' && <path d="M110 94c0-36 20-58 50-58s50 22 50 58c0 26 10 44 12 64H98c2-20 12-38 12-64z" fill={look.hair} />}
      <path d="M66 190c2-38 30-54 66-62h56c36 8 64 24 66 62z" fill={look.coat} />
      <path d="M145 108h30v26c0 9-6 15-15 15s-15-6-15-15z" fill={look.shade} />
      <path d="M126 84c0-25 14-40 34-40s34 15 34 40c0 28-15 46-34 46s-34-18-34-46z" fill={look.skin} />
      {look.cut === 'long' && <path d="M124 90c-2-34 12-50 36-50s38 16 36 50c-5-18-11-28-24-34-12 11-32 14-48 34z" fill={look.hair} />}
      {look.cut === 'short' && <path d="M124 86c-4-32 12-48 36-48s40 16 36 48l-6-8c0-11-3-16-8-20-12 5-32 5-44 0-5 4-8 10-8 20z" fill={look.hair} />}
      {look.cut === 'scarf' && <path d="M116 88c0-34 18-50 44-50s44 16 44 50c0 24-14 48-44 48s-44-24-44-48zm14-4c0 26 13 42 30 42s30-16 30-42c0-20-12-32-30-32s-30 12-30 32z" fill={look.hair} />}
      {look.cut === 'curls' && (
        <g fill={look.hair}>
          {[126, 138, 152, 168, 182, 194].map((x, i) => (
            <circle key={x} cx={x} cy={[70, 54, 45, 45, 54, 70][i]} r="15" />
          ))}
        </g>
      )}
      <g fill={tone('dark', 8)} opacity=".75">
        <circle cx="147" cy="86" r="2.8" />
        <circle cx="173" cy="86" r="2.8" />
      </g>
      <path d="M148 108c7 6 17 6 24 0" fill="none" stroke={tone('dark', 8)} strokeOpacity=".5" strokeWidth="2.6" strokeLinecap="round" />
    </svg>
  );
}
