/** What the order of tiles depends on. */
export interface Sitting {
  identity: string;
  isLocal: boolean;
  speaking: boolean;
}

/**
 * Keeps everybody where they sit: those who are still here stay in `previous` order, newcomers go
 * to the end. The own tile starts in second place, where it stays on the first page.
 */
export function keepOrder(previous: readonly string[], people: readonly Sitting[]): string[] {
  const here = new Map(people.map((person) => [person.identity, person]));
  const kept = previous.filter((identity) => here.has(identity));
  const known = new Set(kept);
  const others = people.filter((person) => !known.has(person.identity) && !person.isLocal);
  const order = [...kept, ...others.map((person) => person.identity)];
  const local = people.find((person) => person.isLocal);
  if (local && !known.has(local.identity)) order.splice(Math.min(1, order.length), 0, local.identity);
  return order;
}

/**
 * Brings speakers who sit on a later page to the first one, where each takes the last seat of
 * somebody who is quiet. Nobody else moves, and nobody moves who is seen already.
 */
export function bringForward(order: readonly string[], people: readonly Sitting[], visible: number): string[] {
  const next = [...order];
  const byIdentity = new Map(people.map((person) => [person.identity, person]));
  const hidden = next.slice(visible).filter((identity) => byIdentity.get(identity)?.speaking === true);
  for (const speaker of hidden) {
    const seat = next.slice(0, visible).findLastIndex((identity) => {
      const sitter = byIdentity.get(identity);
      return sitter !== undefined && !sitter.speaking && !sitter.isLocal;
    });
    if (seat === -1) return next;
    const from = next.indexOf(speaker);
    const quiet = next[seat];
    if (quiet === undefined) return next;
    next[seat] = speaker;
    next[from] = quiet;
  }
  return next;
}

/**
 * Who is on the stage when nobody is pinned: the one who was, while they speak or nobody else
 * does; else another speaker; else the first other person; else oneself.
 */
export function pickStage(current: string | undefined, people: readonly Sitting[]): string | undefined {
  const others = people.filter((person) => !person.isLocal);
  const now = others.find((person) => person.identity === current);
  if (now?.speaking) return now.identity;
  const speaker = others.find((person) => person.speaking);
  return speaker?.identity ?? now?.identity ?? others[0]?.identity ?? people[0]?.identity;
}

export const sameOrder = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((identity, index) => identity === b[index]);
