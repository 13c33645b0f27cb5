import { IconCheck } from '@tabler/icons-react';
import { useText } from '../../i18n/I18n';
import { useDevices } from '../../lib/useDevices';
import { PopupItem } from './Popup';
import classes from './Popup.module.css';

export interface DeviceGroup {
  kind: MediaDeviceKind;
  label: string;
  /** The device in use, if known. */
  active: string | undefined;
}

interface Props {
  groups: DeviceGroup[];
  onPick: (kind: MediaDeviceKind, deviceId: string) => void;
}

/** Lists to choose devices from, one for each kind. */
export function DeviceItems({ groups, onPick }: Props) {
  const text = useText();
  const lists = useDevices(groups.length);
  return groups.map((group) => (
    <section key={group.kind} className={classes.group} aria-label={group.label}>
      <h2>{group.label}</h2>
      {lists[group.kind].length === 0 && <p className={classes.none}>{text('check.device.none')}</p>}
      {lists[group.kind].map((device, index) => {
        const chosen = device.deviceId === group.active;
        return (
          <PopupItem
            key={device.deviceId}
            chosen={chosen}
            mark={chosen ? <IconCheck size={16} stroke={2} aria-hidden="true" /> : undefined}
            onClick={() => {
              onPick(group.kind, device.deviceId);
            }}
          >
            {device.label !== '' ? device.label : text('check.device.number', { kind: group.label, number: index + 1 })}
          </PopupItem>
        );
      })}
    </section>
  ));
}
