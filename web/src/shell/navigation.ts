import type { MessageId } from '../i18n/en';

/** Permissions that the client looks at to decide what to show; the server decides what happens. */
export const permissions = {
  readUsers: 'users.read',
  blockUsers: 'users.block',
  resetPasswords: 'users.reset-password',
  assignRoles: 'roles.assign',
} as const;

export interface NavEntry {
  to: '/' | '/admin/people' | '/settings/profile' | '/dev';
  label: MessageId;
  icon: 'home' | 'people' | 'settings' | 'dev';
  /** The prefix of all pages that belong to it. */
  section: string;
}

const home: NavEntry = { to: '/', label: 'nav.home', icon: 'home', section: '/' };
const people: NavEntry = { to: '/admin/people', label: 'nav.people', icon: 'people', section: '/admin/people' };
const dev: NavEntry = { to: '/dev', label: 'nav.dev', icon: 'dev', section: '/dev' };
const settings: NavEntry = { to: '/settings/profile', label: 'nav.settings', icon: 'settings', section: '/settings' };

/** The pages that somebody may see, in the order of the navigation. */
export function navigationFor(granted: readonly string[], devMode: boolean): NavEntry[] {
  return [
    home,
    ...(granted.includes(permissions.readUsers) ? [people] : []),
    ...(devMode ? [dev] : []),
    settings,
  ];
}

/** Whether the page at `path` belongs to an entry. */
export const isCurrent = (entry: NavEntry, path: string): boolean =>
  entry.section === '/' ? path === '/' : path === entry.section || path.startsWith(`${entry.section}/`);
