import { PasswordInput } from '@mantine/core';
import { IconAlertTriangle } from '@tabler/icons-react';
import { useId, useState, type ChangeEvent, type KeyboardEvent, type ReactNode } from 'react';
import { useText } from '../i18n/I18n';
import { lengthMax } from '../lib/fields';
import classes from './PasswordField.module.css';

interface Props {
  label: string;
  name: string;
  value: string;
  error: string | undefined;
  onChange: (event: ChangeEvent<HTMLInputElement>) => void;
  autoComplete: 'current-password' | 'new-password';
  description?: string;
  /** Stands at the end of the label's line. */
  aside?: ReactNode;
}

/** A password that can be shown, with a word about caps lock. */
export function PasswordField({ label, error, aside, description, ...input }: Props) {
  const text = useText();
  const id = useId();
  const [caps, setCaps] = useState(false);
  const watchCaps = (event: KeyboardEvent) => {
    setCaps(event.getModifierState('CapsLock'));
  };
  return (
    <div>
      <div className={classes.line}>
        <label htmlFor={id}>{label}</label>
        {aside}
      </div>
      <PasswordInput
        {...input}
        id={id}
        maxLength={lengthMax.password}
        error={error}
        description={description}
        visibilityToggleButtonProps={{ 'aria-label': text('password.show'), tabIndex: 0, 'aria-hidden': false }}
        onKeyUp={watchCaps}
        onKeyDown={watchCaps}
        onBlur={() => {
          setCaps(false);
        }}
      />
      <p className={classes.caps} role="status">
        {caps && (
          <>
            <IconAlertTriangle size={16} aria-hidden="true" />
            {text('password.caps')}
          </>
        )}
      </p>
    </div>
  );
}
