/** Something the command palette can do. */
export interface Command {
  id: string;
  label: string;
  /** Other words that people may look for. */
  also?: string;
  run: () => void;
}

/** Lower case without accents, so that "Praferenzen" finds "Präferenzen". */
export const plain = (text: string): string =>
  text
    .normalize('NFD')
    .replaceAll(/\p{M}/gu, '')
    .toLowerCase();

/** How well one typed word fits: 3 begins the label, 2 begins a word, 1 is somewhere inside, 0 not at all. */
function wordScore(word: string, label: string, also: string): number {
  if (label.startsWith(word)) return 3;
  const begins = (text: string) => text.split(/[\s,/·-]+/).some((part) => part.startsWith(word));
  if (begins(label) || begins(also)) return 2;
  return label.includes(word) ? 1 : 0;
}

/** The commands in which every typed word is found, the best first; the given order decides between equals. */
export function findCommands<C extends Command>(commands: readonly C[], typed: string): C[] {
  const words = plain(typed).split(/\s+/).filter(Boolean);
  if (words.length === 0) return [...commands];
  return commands
    .map((command) => {
      const scores = words.map((word) => wordScore(word, plain(command.label), plain(command.also ?? '')));
      return { command, score: scores.includes(0) ? 0 : scores.reduce((sum, score) => sum + score, 0) };
    })
    .filter(({ score }) => score > 0)
    .sort((a, b) => b.score - a.score)
    .map(({ command }) => command);
}
