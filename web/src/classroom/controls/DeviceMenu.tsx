import { Menu } from '@mantine/core';
import { IconCheck, IconChevronUp } from '@tabler/icons-react';
import { useState } from 'react';
import { useText } from '../../i18n/I18n';
import { useDevices } from '../../lib/useDevices';
import classes from './ControlBar.module.css';

interface Group {
  kind: MediaDeviceKind;
  label: string;
  /** The device in use, if known. */
  active: string | undefined;
}

interface Props {
  label: string;
  groups: Group[];
  onPick: (kind: MediaDeviceKind, deviceId: string) => void;
}

/** The caret beside microphone and camera: which device to use. */
export function DeviceMenu({ label, groups, onPick }: Props) {
  const text = useText();
  const [opened, setOpened] = useState(false);
  const lists = useDevices(opened);
  return (
    <Menu opened={opened} onChange={setOpened} position="top" offset={8} width={280}>
      <Menu.Target>
        <button type="button" className={classes.caret} aria-label={label} title={label}>
          <IconChevronUp size={14} stroke={2.25} aria-hidden="true" />
        </button>
      </Menu.Target>
      <Menu.Dropdown>
        {groups.map((group) => (
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
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}
