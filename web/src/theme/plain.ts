import { colors, roles, white } from './tokens.ts';

type Scheme = 'light' | 'dark';

function colorOf(value: string): string {
  const [scale = '', step] = value.split('.');
  if (value === 'white') return white;
  const found = Object.entries(colors).find(([name]) => name === scale)?.[1][Number(step)];
  return found ?? value;
}

/** The roles of a colour scheme as plain colours, for files that have no style sheet of ours. */
export function resolveTokens<S extends Scheme>(scheme: S): Record<keyof (typeof roles)[S], string> {
  const entries = Object.entries(roles[scheme]).map(([name, value]) => [name, colorOf(value)]);
  return Object.fromEntries(entries) as Record<keyof (typeof roles)[S], string>;
}
