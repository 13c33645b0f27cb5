/** The first letter as a reader sees it, with its accents. */
function firstLetter(word = ''): string {
  for (const { segment } of new Intl.Segmenter().segment(word)) return segment;
  return '';
}

/** Up to two letters that stand for a name: first and last word. */
export function initials(name: string): string {
  const words = name.trim().split(/\s+/).filter(Boolean);
  const first = words[0] ?? '?';
  const last = words.length > 1 ? words[words.length - 1] : undefined;
  return [first, last].map(firstLetter).join('').toUpperCase();
}

/** A number from 0 to `count` - 1 that is always the same for the same text. */
export function stableIndex(text: string, count: number): number {
  let hash = 0;
  for (const char of text) hash = (hash * 31 + (char.codePointAt(0) ?? 0)) >>> 0;
  return hash % count;
}
