import { useMantineColorScheme } from '@mantine/core';
import { useNavigate } from '@tanstack/react-router';
import { useDevMode } from '../api/useInstance';
import { useLocale, useText } from '../i18n/I18n';
import { isRoomName, toRoomName } from '../lib/roomName';
import { useUser } from '../session/session';
import { useSignOut } from '../session/useSignOut';
import type { Command } from './commands';
import { navigationFor } from './navigation';

/** Everything the palette can do for this person now. `typed` may also be the name of a room. */
export function useCommands(typed: string): { fixed: Command[]; room: Command | undefined } {
  const text = useText();
  const navigate = useNavigate();
  const devMode = useDevMode();
  const { other, setLocale } = useLocale();
  const { setColorScheme } = useMantineColorScheme();
  const { signOut } = useSignOut();
  const granted = useUser()?.permissions ?? [];

  const pages = navigationFor(granted, devMode)
    .filter((entry) => entry.icon !== 'settings')
    .map((entry) => ({ id: entry.to, label: text(entry.label), also: text('command.open'), run: () => void navigate({ to: entry.to }) }));
  const fixed: Command[] = [
    ...pages,
    { id: 'profile', label: text('command.profile'), also: text('command.profile.also'), run: () => void navigate({ to: '/settings/profile' }) },
    { id: 'language', label: text('command.language'), also: text('command.language.also'), run: () => void navigate({ to: '/settings/language' }) },
    { id: 'security', label: text('command.security'), also: text('command.security.also'), run: () => void navigate({ to: '/settings/security' }) },
    { id: 'privacy', label: text('command.privacy'), also: text('command.privacy.also'), run: () => void navigate({ to: '/settings/privacy' }) },
    { id: 'light', label: text('command.light'), also: text('command.theme.also'), run: () => { setColorScheme('light'); } },
    { id: 'dark', label: text('command.dark'), also: text('command.theme.also'), run: () => { setColorScheme('dark'); } },
    { id: 'system', label: text('command.system'), also: text('command.theme.also'), run: () => { setColorScheme('auto'); } },
    { id: 'locale', label: text('app.language'), also: text('command.language.also'), run: () => { setLocale(other); } },
    { id: 'sign-out', label: text('account.signOut'), also: text('command.signOut.also'), run: () => void signOut() },
  ];
  const name = toRoomName(typed);
  if (!devMode || !isRoomName(name)) return { fixed, room: undefined };
  const room = { id: 'room', label: text('command.room', { room: name }), run: () => void navigate({ to: '/room/$name', params: { name } }) };
  return { fixed, room };
}
