import { Button, TextInput } from '@mantine/core';
import { useNavigate } from '@tanstack/react-router';
import { useState, type SyntheticEvent } from 'react';
import { useText } from '../../i18n/I18n';
import { loadName, saveName } from '../../lib/profile';
import { useUser } from '../../session/session';
import { isRoomName, toRoomName } from '../../lib/roomName';
import classes from './Dev.module.css';

/** Asks for a name, which it remembers, and for a room. */
export function JoinForm() {
  const text = useText();
  const navigate = useNavigate();
  const user = useUser();
  const [name, setName] = useState(() => user?.name ?? loadName());
  const [room, setRoom] = useState('');
  const [checked, setChecked] = useState(false);

  const roomName = toRoomName(room);
  const nameError = checked && name.trim() === '' ? text('join.name.missing') : undefined;
  const roomError =
    !checked || isRoomName(roomName) ? undefined : text(roomName === '' ? 'join.room.missing' : 'join.room.invalid');

  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    setChecked(true);
    if (name.trim() === '' || !isRoomName(roomName)) return;
    saveName(name.trim());
    void navigate({ to: '/room/$name', params: { name: roomName } });
  };

  return (
    <form className={classes.form} onSubmit={submit} noValidate>
      <div>
        <h2 id="join">{text('join.title')}</h2>
        <p>{text('join.subtitle')}</p>
      </div>
      <TextInput
        label={text('join.name')}
        placeholder={text('join.name.hint')}
        autoComplete="name"
        maxLength={64}
        value={name}
        error={nameError}
        data-testid="join-name"
        onChange={(event) => {
          setName(event.currentTarget.value);
        }}
      />
      <TextInput
        label={text('join.room')}
        placeholder={text('join.room.hint')}
        autoComplete="off"
        autoCapitalize="none"
        spellCheck={false}
        maxLength={80}
        value={room}
        error={roomError}
        data-testid="join-room"
        onChange={(event) => {
          setRoom(event.currentTarget.value);
        }}
      />
      <Button type="submit" fullWidth className={classes.submit ?? ''} data-testid="join-submit">
        {text('join.submit')}
      </Button>
    </form>
  );
}
