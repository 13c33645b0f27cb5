import { Kbd, Menu } from '@mantine/core';
import { IconDots, IconLink, IconPictureInPicture, IconScreenShare } from '@tabler/icons-react';
import { useText } from '../../i18n/I18n';
import type { MessageId } from '../../i18n/en';
import { DeviceItems, type DeviceGroup } from './DeviceItems';
import classes from './ControlBar.module.css';

const shortcuts: [string, MessageId][] = [
  ['M', 'more.mic'],
  ['V', 'more.camera'],
  ['S', 'more.share'],
  ['C', 'more.chat'],
  ['P', 'more.people'],
];

interface Props {
  /** Missing where the browser cannot share or the button is on the bar. */
  onShare: (() => void) | undefined;
  onPip: (() => void) | undefined;
  onCopyLink: () => void;
  sharing: boolean;
  /** Where the carets beside the buttons have no room, devices are chosen here. */
  devices: DeviceGroup[];
  onPick: (kind: MediaDeviceKind, deviceId: string) => void;
}

/** What is rarely needed, and the keys. */
export function MoreMenu({ onShare, onPip, onCopyLink, sharing, devices, onPick }: Props) {
  const text = useText();
  return (
    <Menu position="top" offset={8} width={300}>
      <Menu.Target>
        <button type="button" className={classes.main} aria-label={text('more.label')} title={text('more.label')}>
          <IconDots size={22} stroke={1.75} aria-hidden="true" />
          <span className={classes.word}>{text('more.label')}</span>
        </button>
      </Menu.Target>
      <Menu.Dropdown className={classes.more ?? ''}>
        {onShare && (
          <Menu.Item leftSection={<IconScreenShare size={20} stroke={1.75} />} onClick={onShare}>
            {text(sharing ? 'share.stop.long' : 'share.start.long')}
          </Menu.Item>
        )}
        {onPip && (
          <Menu.Item leftSection={<IconPictureInPicture size={20} stroke={1.75} />} onClick={onPip}>
            {text('more.pip')}
          </Menu.Item>
        )}
        <Menu.Item leftSection={<IconLink size={20} stroke={1.75} />} onClick={onCopyLink}>
          {text('more.copyLink')}
        </Menu.Item>
        {devices.length > 0 && <DeviceItems groups={devices} onPick={onPick} />}
        <div className={classes.keys} role="presentation">
          <h2>{text('more.shortcuts')}</h2>
          {shortcuts.map(([key, id]) => (
            <p key={key}>
              {text(id)}
              <Kbd>{key}</Kbd>
            </p>
          ))}
          <p>
            {text('more.talk')}
            <Kbd>{text('more.space')}</Kbd>
          </p>
        </div>
      </Menu.Dropdown>
    </Menu>
  );
}
