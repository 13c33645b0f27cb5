import { Menu, useMantineColorScheme } from '@mantine/core';
import { IconLogout, IconMoon, IconSettings, IconSun } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import type { User } from '../api/types';
import { Avatar } from '../components/Avatar';
import { useText } from '../i18n/I18n';
import { useSignOut } from '../session/useSignOut';
import classes from './AccountMenu.module.css';

/** Who is signed in, at the foot of the navigation; opens what concerns the account. */
export function AccountMenu({ user }: { user: User }) {
  const text = useText();
  const { signOut, busy } = useSignOut();
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const dark = colorScheme === 'dark';
  return (
    <Menu position="top-start" width={208}>
      <Menu.Target>
        <button type="button" className={classes.me} data-testid="account-menu">
          <Avatar name={user.name} className={classes.face} />
          <span className={classes.who}>
            <b className="cut">{user.name}</b>
            <small className="cut">{user.email}</small>
          </span>
        </button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item component={Link} to="/settings/profile" leftSection={<IconSettings size={18} />}>
          {text('nav.settings')}
        </Menu.Item>
        <Menu.Item
          leftSection={dark ? <IconSun size={18} /> : <IconMoon size={18} />}
          onClick={() => {
            setColorScheme(dark ? 'light' : 'dark');
          }}
        >
          {text(dark ? 'command.light' : 'command.dark')}
        </Menu.Item>
        <Menu.Divider />
        <Menu.Item leftSection={<IconLogout size={18} />} disabled={busy} onClick={() => void signOut()} data-testid="sign-out">
          {text('account.signOut')}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
