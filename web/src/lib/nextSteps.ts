import type { User } from '../api/types';
import { permissions } from '../shell/navigation';

export type NextStep = 'about' | 'twoFactor' | 'people' | 'room';

/** What is worth doing next, the most useful first. Nothing that is done already. */
export function nextSteps(user: User, devMode: boolean): NextStep[] {
  const steps: [NextStep, boolean][] = [
    ['twoFactor', !user.two_factor],
    ['about', user.about.trim() === ''],
    ['people', user.permissions.includes(permissions.readUsers)],
    ['room', devMode],
  ];
  return steps.filter(([, due]) => due).map(([step]) => step);
}

export type DayPart = 'night' | 'morning' | 'afternoon' | 'evening';

/** Part of the day by the hour, for a greeting. */
export function dayPart(hour: number): DayPart {
  if (hour < 5) return 'night';
  if (hour < 12) return 'morning';
  return hour < 18 ? 'afternoon' : 'evening';
}
