import type { Person } from '../room/people';

/** One tile: a person's camera or a person's screen. */
export interface TileItem {
  key: string;
  person: Person;
  source: 'camera' | 'screen_share';
}

export const cameraItem = (person: Person): TileItem => ({ key: `${person.identity}/camera`, person, source: 'camera' });
export const shareItem = (person: Person): TileItem => ({
  key: `${person.identity}/screen_share`,
  person,
  source: 'screen_share',
});

/** All tiles: shared screens first, then people in their order. */
export function listItems(people: readonly Person[], order: readonly string[]): TileItem[] {
  const byIdentity = new Map(people.map((person) => [person.identity, person]));
  const cameras = order.flatMap((identity) => {
    const person = byIdentity.get(identity);
    return person ? [cameraItem(person)] : [];
  });
  return [...people.filter((person) => person.share).map(shareItem), ...cameras];
}

/** What is on the stage: the pinned tile, else somebody else's screen, else a screen, else the speaker. */
export function stageItem(items: readonly TileItem[], pinned: string | undefined, speaker: string | undefined): TileItem | undefined {
  const shares = items.filter((item) => item.source === 'screen_share');
  return (
    items.find((item) => item.key === pinned) ??
    shares.find((item) => !item.person.isLocal) ??
    shares[0] ??
    items.find((item) => item.person.identity === speaker) ??
    items[0]
  );
}
