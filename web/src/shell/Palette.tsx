import { Modal } from '@mantine/core';
import { IconCornerDownLeft, IconSearch } from '@tabler/icons-react';
import { useId, useState, type KeyboardEvent } from 'react';
import { useText } from '../i18n/I18n';
import { findCommands, type Command } from './commands';
import classes from './Palette.module.css';
import { useCommands } from './useCommands';

/** Goes anywhere and does anything by typing a few letters. */
export function Palette({ onClose }: { onClose: () => void }) {
  const text = useText();
  const id = useId();
  const [typed, setTyped] = useState('');
  const [chosen, setChosen] = useState(0);
  const { fixed, room } = useCommands(typed);
  const found = [...findCommands(fixed, typed), ...(room ? [room] : [])];
  const current = Math.min(chosen, found.length - 1);
  const optionId = (command: Command) => `${id}-${command.id}`;

  const run = (command: Command | undefined) => {
    if (!command) return;
    onClose();
    command.run();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const moves: Record<string, number> = { ArrowDown: current + 1, ArrowUp: current - 1, Home: 0, End: found.length - 1 };
    const to = moves[event.key];
    if (event.key === 'Enter' && !event.nativeEvent.isComposing) run(found[current]);
    else if (to !== undefined && found.length > 0) setChosen((to + found.length) % found.length);
    else return;
    event.preventDefault();
  };

  return (
    <Modal opened onClose={onClose} centered={false} yOffset="12vh" size={560}>
      <Modal.Title className="sr">{text('palette.label')}</Modal.Title>
      <div className={classes.line}>
        <IconSearch size={20} stroke={1.75} aria-hidden="true" />
        <input
          className={classes.input}
          role="combobox"
          aria-expanded="true"
          aria-controls={`${id}-list`}
          aria-autocomplete="list"
          aria-activedescendant={found[current] && optionId(found[current])}
          aria-label={text('palette.label')}
          placeholder={text('palette.hint')}
          autoComplete="off"
          spellCheck={false}
          maxLength={80}
          value={typed}
          data-autofocus
          data-testid="palette-input"
          onKeyDown={onKeyDown}
          onChange={(event) => {
            setTyped(event.currentTarget.value);
            setChosen(0);
          }}
        />
      </div>
      <ul id={`${id}-list`} role="listbox" aria-label={text('palette.list')} className={classes.list}>
        {found.map((command, index) => (
          <li
            key={command.id}
            id={optionId(command)}
            role="option"
            aria-selected={index === current}
            className={classes.option}
            ref={index === current ? showOption : undefined}
            onMouseMove={() => {
              setChosen(index);
            }}
            onClick={() => {
              run(command);
            }}
          >
            <span>{command.label}</span>
            {index === current && <IconCornerDownLeft size={16} aria-hidden="true" />}
          </li>
        ))}
      </ul>
      <p className={found.length === 0 ? classes.none : 'sr'} role="status">
        {found.length === 0 ? text('palette.none') : text('palette.count', { count: found.length })}
      </p>
    </Modal>
  );
}

const showOption = (option: HTMLElement | null) => option?.scrollIntoView({ block: 'nearest' });
