import { IconChevronUp } from '@tabler/icons-react';
import classes from './ControlBar.module.css';
import { DeviceItems, type DeviceGroup } from './DeviceItems';
import { Popup } from './Popup';

interface Props {
  label: string;
  groups: DeviceGroup[];
  onPick: (kind: MediaDeviceKind, deviceId: string) => void;
}

/** The caret beside microphone and camera: which device to use. */
export function DeviceMenu({ label, groups, onPick }: Props) {
  return (
    <Popup
      label={label}
      width={280}
      renderTarget={(toggle) => (
        <button type="button" className={classes.caret} aria-label={label} title={label} onClick={toggle}>
          <IconChevronUp size={14} stroke={2.25} aria-hidden="true" />
        </button>
      )}
    >
      {(close) => (
        <DeviceItems
          groups={groups}
          onPick={(kind, deviceId) => {
            close();
            onPick(kind, deviceId);
          }}
        />
      )}
    </Popup>
  );
}
