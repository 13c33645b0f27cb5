import {
  IconMessageCircle,
  IconMicrophone,
  IconMicrophoneOff,
  IconPhone,
  IconScreenShare,
  IconUsers,
  IconVideo,
  IconVideoOff,
} from '@tabler/icons-react';
import type { Room } from 'livekit-client';
import type { ReactNode } from 'react';
import { useText } from '../../i18n/I18n';
import { canPickSpeaker } from '../../lib/useDevices';
import type { Viewport } from '../layout/useViewport';
import type { PanelTab } from '../panel/SidePanel';
import classes from './ControlBar.module.css';
import { ControlButton } from './ControlButton';
import { DeviceMenu } from './DeviceMenu';
import { MoreMenu } from './MoreMenu';
import type { Controls } from './useControls';

interface Props {
  room: Room;
  controls: Controls;
  panel: PanelTab | undefined;
  unread: number;
  viewport: Viewport;
  slot: ReactNode;
  onPanel: (tab: PanelTab) => void;
  onCopyLink: () => void;
  onPip: (() => void) | undefined;
  onLeave: () => void;
}

const canShare = (): boolean => 'getDisplayMedia' in navigator.mediaDevices;

/** The bar at the bottom: news on the left, controls in the middle, leaving on the right. */
export function ControlBar({ room, controls, panel, unread, viewport, slot, onPanel, onCopyLink, onPip, onLeave }: Props) {
  const text = useText();
  const { mic, camera, share } = controls;
  const microphone = { kind: 'audioinput' as const, label: text('check.microphone'), active: room.getActiveDevice('audioinput') };
  const speaker = { kind: 'audiooutput' as const, label: text('check.speaker'), active: room.getActiveDevice('audiooutput') };
  const cameras = { kind: 'videoinput' as const, label: text('check.camera'), active: room.getActiveDevice('videoinput') };
  return (
    <footer className={classes.bar} aria-label={text('call.controls')}>
      {slot}
      {/* A click keeps the focus where it was, so that space goes on talking instead of clicking again. */}
      <div
        className={classes.controls}
        onMouseDown={(event) => {
          event.preventDefault();
        }}
      >
        <ControlButton
          icon={mic.on ? IconMicrophone : IconMicrophoneOff}
          label={text(mic.on ? 'mic.mute' : 'mic.unmute')}
          long={text(mic.on ? 'mic.mute.long' : 'mic.unmute.long')}
          tone={mic.on ? 'plain' : 'off'}
          testId="toggle-mic"
          onClick={mic.toggle}
        >
          <DeviceMenu
            label={text('mic.choose')}
            groups={canPickSpeaker() ? [microphone, speaker] : [microphone]}
            onPick={controls.pick}
          />
        </ControlButton>
        <ControlButton
          icon={camera.on ? IconVideo : IconVideoOff}
          label={text(camera.on ? 'camera.label' : 'camera.start')}
          long={text(camera.on ? 'camera.stop.long' : 'camera.start.long')}
          tone={camera.on ? 'plain' : 'off'}
          testId="toggle-camera"
          onClick={camera.toggle}
        >
          <DeviceMenu label={text('camera.choose')} groups={[cameras]} onPick={controls.pick} />
        </ControlButton>
        {canShare() && (
          <ControlButton
            icon={IconScreenShare}
            label={text(share.on ? 'share.sharing' : 'share.start')}
            long={text(share.on ? 'share.stop.long' : 'share.start.long')}
            tone={share.on ? 'on' : 'plain'}
            testId="toggle-share"
            className={classes.notPhone}
            onClick={share.toggle}
          />
        )}
        <ControlButton
          icon={IconMessageCircle}
          label={text('chat.label')}
          long={panel === 'chat' ? text('chat.close.long') : text('chat.open.long', { count: unread })}
          tone={panel === 'chat' ? 'on' : 'plain'}
          pip={unread}
          testId="toggle-chat"
          onClick={() => {
            onPanel('chat');
          }}
        />
        <ControlButton
          icon={IconUsers}
          label={text('people.label')}
          long={text(panel === 'people' ? 'people.close.long' : 'people.open.long')}
          tone={panel === 'people' ? 'on' : 'plain'}
          testId="toggle-people"
          onClick={() => {
            onPanel('people');
          }}
        />
        <div className={classes.control} data-tone="plain">
          <MoreMenu
            onShare={viewport.phone && canShare() ? share.toggle : undefined}
            devices={viewport.panelBeside ? [] : canPickSpeaker() ? [microphone, speaker, cameras] : [microphone, cameras]}
            onPick={controls.pick}
            onPip={onPip}
            onCopyLink={onCopyLink}
            sharing={share.on}
          />
        </div>
      </div>
      <button type="button" className={classes.leave} aria-label={text('leave.long')} title={text('leave.long')} data-testid="leave" onClick={onLeave}>
        <IconPhone size={24} stroke={1.75} aria-hidden="true" />
        <span>{text('leave.label')}</span>
      </button>
    </footer>
  );
}
