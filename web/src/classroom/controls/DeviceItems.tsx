import { Menu } from '@mantine/core';
import { IconCheck } from '@tabler/icons-react';
import { useText } from '../../i18n/I18n';
import { useDevices } from '../../lib/useDevices';

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

/** Menu items to choose devices with, one group for each kind. */
export function DeviceItems({ groups, onPick }: Props) {
  const text = useText();
  const lists = useDevices(groups.length);
  return groups.map((group) => (
    <div key={group.kind} role="group" aria-label={group.label}>
      <Menu.Label>{group.label}</Menu.Label>
      {lists[group.kind].length === 0 && <Menu.Item disabled>{text('check.device.none')}</Menu.Item>}
      {lists[group.kind].map((device, index) => {
        const active = device.deviceId === group.active;
        return (
          <Menu.Item
            key={device.deviceId}
            role="menuitemradio"
            aria-checked={active}
            rightSection={active ? <IconCheck size={16} stroke={2} /> : undefined}
            onClick={() => {
              onPick(group.kind, device.deviceId);
            }}
          >
            {device.label !== '' ? device.label : text('check.device.number', { kind: group.label, number: index + 1 })}
          </Menu.Item>
        );
      })}
    </div>
  ));
}
