import { Popover } from '@mantine/core';
import type { Icon } from '@tabler/icons-react';
import { useState, type ReactElement, type ReactNode } from 'react';
import classes from './Popup.module.css';

interface Props {
  /** Names the popup for screen readers. */
  label: string;
  width: number;
  /** The button that opens the popup; gets what a click does. */
  renderTarget: (toggle: () => void) => ReactElement;
  /** What is inside; gets the function that closes the popup. */
  children: (close: () => void) => ReactNode;
}

/** A small panel above a control: closes on Escape and on a click elsewhere. */
export function Popup({ label, width, renderTarget, children }: Props) {
  const [opened, setOpened] = useState(false);
  return (
    <Popover opened={opened} onChange={setOpened} position="top" offset={8} width={width} trapFocus returnFocus>
      <Popover.Target>
        {renderTarget(() => {
          setOpened((now) => !now);
        })}
      </Popover.Target>
      <Popover.Dropdown className={classes.popup ?? ''} aria-label={label}>
        {children(() => {
          setOpened(false);
        })}
      </Popover.Dropdown>
    </Popover>
  );
}

interface ItemProps {
  icon?: Icon;
  /** Given for choices: whether this one holds. */
  chosen?: boolean;
  mark?: ReactNode;
  onClick: () => void;
  children: ReactNode;
}

/** One line of a popup that does something. */
export function PopupItem({ icon: IconOf, chosen, mark, onClick, children }: ItemProps) {
  return (
    <button type="button" className={classes.item} aria-pressed={chosen} onClick={onClick}>
      {IconOf && <IconOf size={20} stroke={1.75} aria-hidden="true" />}
      <span className="cut">{children}</span>
      {mark}
    </button>
  );
}
