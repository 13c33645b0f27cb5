import { useState } from 'react';
import type { Person } from '../room/people';
import { bringForward, keepOrder, pickStage, sameOrder } from './tileOrder';

/** Who sits where and who is on the stage; both change only with a reason. */
export function useSeating(people: Person[], visible: number): { order: string[]; speaker: string | undefined } {
  const [order, setOrder] = useState<string[]>([]);
  const [speaker, setSpeaker] = useState<string>();
  const nextOrder = bringForward(keepOrder(order, people), people, visible);
  const nextSpeaker = pickStage(speaker, people);
  if (!sameOrder(order, nextOrder)) setOrder(nextOrder);
  if (speaker !== nextSpeaker) setSpeaker(nextSpeaker);
  return { order: nextOrder, speaker: nextSpeaker };
}
