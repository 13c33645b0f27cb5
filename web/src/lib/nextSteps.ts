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

export type DayPart = 'morning' | 'afternoon' | 'evening';

/** Part of the day by the hour, for a greeting; nobody is greeted with a good night. */
export function dayPart(hour: number): DayPart {
  if (hour < 5 || hour >= 18) return 'evening';
  return hour < 12 ? 'morning' : 'afternoon';
}
