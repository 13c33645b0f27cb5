import { Kbd, Menu } from '@mantine/core';
import { IconDots, IconLink, IconPictureInPicture, IconScreenShare } from '@tabler/icons-react';
import { useText } from '../../i18n/I18n';
import type { MessageId } from '../../i18n/en';
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
}

/** What is rarely needed, and the keys. */
export function MoreMenu({ onShare, onPip, onCopyLink, sharing }: Props) {
  const text = useText();
  return (
    <Menu position="top" offset={8} width={300}>
      <Menu.Target>
        <button type="button" className={classes.main} aria-label={text('more.label')} title={text('more.label')}>
          <IconDots size={22} stroke={1.75} aria-hidden="true" />
          <span className={classes.word}>{text('more.label')}</span>
        </button>
      </Menu.Target>
      <Menu.Dropdown>
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
        <Menu.Divider className={classes.keysDivider ?? ''} />
        <Menu.Label>{text('more.shortcuts')}</Menu.Label>
        <div className={classes.keys} role="presentation">
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
