import { IconDots, IconLanguage, IconLink, IconPictureInPicture, IconScreenShare } from '@tabler/icons-react';
import { useLocale, useText } from '../../i18n/I18n';
import type { MessageId } from '../../i18n/en';
import classes from './ControlBar.module.css';
import { DeviceItems, type DeviceGroup } from './DeviceItems';
import { Popup, PopupItem } from './Popup';
import popup from './Popup.module.css';

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
  const { other, setLocale } = useLocale();
  const label = text('more.label');
  return (
    <Popup
      label={label}
      width={300}
      renderTarget={(toggle) => (
        <button type="button" className={classes.main} aria-label={label} title={label} onClick={toggle}>
          <IconDots size={22} stroke={1.75} aria-hidden="true" />
          <span className={classes.word}>{label}</span>
        </button>
      )}
    >
      {(close) => {
        const closing = (action: () => void) => () => {
          close();
          action();
        };
        return (
          <>
            {onShare && (
              <PopupItem icon={IconScreenShare} onClick={closing(onShare)}>
                {text(sharing ? 'share.stop.long' : 'share.start.long')}
              </PopupItem>
            )}
            {onPip && (
              <PopupItem icon={IconPictureInPicture} onClick={closing(onPip)}>
                {text('more.pip')}
              </PopupItem>
            )}
            <PopupItem icon={IconLink} onClick={closing(onCopyLink)}>
              {text('more.copyLink')}
            </PopupItem>
            <PopupItem
              icon={IconLanguage}
              onClick={closing(() => {
                setLocale(other);
              })}
            >
              <span lang={other}>{text('app.language')}</span>
            </PopupItem>
            <DeviceItems groups={devices} onPick={onPick} />
            <Keys />
          </>
        );
      }}
    </Popup>
  );
}

function Keys() {
  const text = useText();
  return (
    <section className={popup.keys} aria-label={text('more.shortcuts')}>
      <h2>{text('more.shortcuts')}</h2>
      <dl>
        {[...shortcuts, [text('more.space'), 'more.talk'] as const].map(([key, id]) => (
          <div key={id}>
            <dt>{text(id)}</dt>
            <dd>
              <kbd>{key}</kbd>
            </dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
