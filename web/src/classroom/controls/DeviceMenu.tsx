import { Menu } from '@mantine/core';
import { IconChevronUp } from '@tabler/icons-react';
import { useState } from 'react';
import classes from './ControlBar.module.css';
import { DeviceItems, type DeviceGroup } from './DeviceItems';

interface Props {
  label: string;
  groups: DeviceGroup[];
  onPick: (kind: MediaDeviceKind, deviceId: string) => void;
}

/** The caret beside microphone and camera: which device to use. */
export function DeviceMenu({ label, groups, onPick }: Props) {
  const [opened, setOpened] = useState(false);
  return (
    <Menu opened={opened} onChange={setOpened} position="top" offset={8} width={280}>
      <Menu.Target>
        <button type="button" className={classes.caret} aria-label={label} title={label}>
          <IconChevronUp size={14} stroke={2.25} aria-hidden="true" />
        </button>
      </Menu.Target>
      <Menu.Dropdown>
        <DeviceItems groups={groups} onPick={onPick} />
      </Menu.Dropdown>
    </Menu>
  );
}
