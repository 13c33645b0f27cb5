import { Button, TextInput } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { Avatar } from '../../components/Avatar';
import { TopBar } from '../../components/TopBar';
import { useText } from '../../i18n/I18n';
import type { DeviceChoice } from '../../lib/profile';
import { Checks } from './Checks';
import classes from './DeviceCheck.module.css';
import { DevicePickers } from './DevicePickers';
import { PreviewPicture } from './PreviewPicture';
import { usePreview } from './usePreview';

interface Props {
  room: string;
  name: string;
  /** Missing if the name comes from a token and cannot be changed. */
  onName: ((name: string) => void) | undefined;
  joining: boolean;
  onJoin: (choice: DeviceChoice) => void;
}

/** The screen before the room: see and hear oneself, choose devices, join with one click. */
export function DeviceCheck({ room, name, onName, joining, onJoin }: Props) {
  const text = useText();
  const preview = usePreview();
  const [askName] = useState(onName !== undefined && name.trim() === '');
  const [checked, setChecked] = useState(false);
  const nameMissing = name.trim() === '';

  const join = () => {
    setChecked(true);
    if (nameMissing) return;
    onJoin({
      ...preview.choice,
      audioOn: preview.choice.audioOn && preview.mic.status !== 'failed',
      videoOn: preview.choice.videoOn && preview.camera.status !== 'failed',
    });
  };

  return (
    <div>
      <TopBar>
        {!askName && (
          <>
            <span className={classes.as}>{text('check.joiningAs', { name })}</span>
            <Avatar name={name} className={classes.avatar} />
            {onName && (
              <Button component={Link} to="/dev" variant="subtle">
                {text('check.notYou')}
              </Button>
            )}
          </>
        )}
      </TopBar>
      <main className={classes.join}>
        <div className={classes.main}>
          <PreviewPicture preview={preview} />
          <DevicePickers preview={preview} />
        </div>
        <div className={classes.side}>
          <div className={classes.title}>
            <h1>{room}</h1>
            <p>{text('check.ready')}</p>
          </div>
          {askName && (
            <TextInput
              className={classes.name ?? ''}
              label={text('join.name')}
              placeholder={text('join.name.hint')}
              autoComplete="name"
              maxLength={64}
              value={name}
              error={checked && nameMissing ? text('join.name.missing') : undefined}
              data-testid="join-name"
              onChange={(event) => onName?.(event.currentTarget.value)}
            />
          )}
          <Checks mic={preview.mic} camera={preview.camera} />
          <div className={classes.go}>
            <Button data-size="lg" fullWidth loading={joining} onClick={join} data-testid="preview-join">
              {text('check.join')}
            </Button>
            <p>{text('check.join.note')}</p>
          </div>
        </div>
      </main>
    </div>
  );
}
