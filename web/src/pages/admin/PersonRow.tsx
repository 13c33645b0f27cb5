import { ActionIcon, Menu } from '@mantine/core';
import { IconBan, IconCircleCheck, IconDots, IconKey, IconUserCog } from '@tabler/icons-react';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { unblockPerson } from '../../api/accounts';
import { problemOf } from '../../api/problem';
import type { Person } from '../../api/types';
import { Avatar } from '../../components/Avatar';
import { Badge } from '../../components/Surface';
import { useText } from '../../i18n/I18n';
import { formProblem } from '../../lib/formProblem';
import { toast } from '../../lib/toasts';
import { useUser } from '../../session/session';
import { permissions } from '../../shell/navigation';
import { BlockDialog } from './BlockDialog';
import classes from './People.module.css';
import { ResetDialog } from './ResetDialog';
import { roleLabel } from './roles';
import { RolesDialog } from './RolesDialog';

/** One account, and what this administrator may do with it. */
export function PersonRow({ person }: { person: Person }) {
  const text = useText();
  const me = useUser();
  const client = useQueryClient();
  const [open, setOpen] = useState<'block' | 'reset' | 'roles'>();
  const may = (permission: string) => me?.permissions.includes(permission) === true;
  const isMe = me?.id === person.id;
  const isBlocked = person.blocked_at !== null;
  const close = () => {
    setOpen(undefined);
  };
  const done = (message: string) => {
    toast({ kind: 'ok', title: message });
    return client.invalidateQueries({ queryKey: ['people'] });
  };
  const unblock = async () => {
    try {
      await unblockPerson(person.id);
      await done(text('people.unblocked', { name: person.name }));
    } catch (error) {
      const { message } = formProblem(problemOf(error), []);
      toast({ kind: 'bad', title: text('people.notDone'), text: message && text(message) });
    }
  };
  const canBlock = may(permissions.blockUsers) && !isMe;
  const canReset = may(permissions.resetPasswords) && !isMe;
  const canAssign = may(permissions.assignRoles) && !isMe;

  return (
    <li className={classes.row} data-testid="person">
      <Avatar name={person.name} className={classes.face} />
      <span className={classes.words}>
        <span className={classes.who}>
        <b className="cut">{isMe ? text('people.you', { name: person.name }) : person.name}</b>
        <small className="cut">{person.email}</small>
        </span>
        <span className={classes.marks}>
        {isBlocked && <Badge kind="bad">{text('people.blocked')}</Badge>}
        {person.roles.map((role) => (
          <Badge key={role} kind={role === 'owner' || role === 'admin' ? 'accent' : 'plain'}>
            {roleLabel(role, text)}
          </Badge>
        ))}
        </span>
      </span>
      {(canBlock || canReset || canAssign) && (
        <Menu width={232}>
          <Menu.Target>
            <ActionIcon aria-label={text('people.actions', { name: person.name })} data-testid="person-actions">
              <IconDots size={20} />
            </ActionIcon>
          </Menu.Target>
          <Menu.Dropdown>
            {canAssign && (
              <Menu.Item leftSection={<IconUserCog size={18} />} onClick={() => { setOpen('roles'); }}>
                {text('people.roles')}
              </Menu.Item>
            )}
            {canReset && (
              <Menu.Item leftSection={<IconKey size={18} />} onClick={() => { setOpen('reset'); }}>
                {text('people.reset')}
              </Menu.Item>
            )}
            {canBlock && (
              <Menu.Item
                leftSection={isBlocked ? <IconCircleCheck size={18} /> : <IconBan size={18} />}
                data-testid={isBlocked ? 'unblock' : 'block'}
                onClick={() => {
                  if (isBlocked) void unblock();
                  else setOpen('block');
                }}
              >
                {text(isBlocked ? 'people.unblock' : 'people.block')}
              </Menu.Item>
            )}
          </Menu.Dropdown>
        </Menu>
      )}
      {open === 'block' && <BlockDialog person={person} onDone={done} onClose={close} />}
      {open === 'reset' && <ResetDialog person={person} onDone={done} onClose={close} />}
      {open === 'roles' && <RolesDialog person={person} onDone={done} onClose={close} />}
    </li>
  );
}
