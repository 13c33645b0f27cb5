import type { Icon } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import classes from './ControlBar.module.css';

interface Props {
  icon: Icon;
  /** The word under the icon. */
  label: string;
  /** What a click does, with its key; for screen readers and on hover. */
  long: string;
  tone?: 'plain' | 'on' | 'off';
  pip?: number;
  testId?: string;
  className?: string | undefined;
  onClick: () => void;
  /** A caret with a menu beside the button. */
  children?: ReactNode;
}

/** One control of the call: icon with a word, and its state by shape. */
export function ControlButton({ icon: IconOf, label, long, tone = 'plain', pip = 0, testId, className = '', onClick, children }: Props) {
  return (
    <div className={`${classes.control ?? ''} ${className}`} data-tone={tone}>
      <button type="button" className={classes.main} title={long} aria-label={long} data-testid={testId} onClick={onClick}>
        <IconOf size={22} stroke={1.75} aria-hidden="true" />
        <span className={classes.word}>{label}</span>
        {pip > 0 && <b className={classes.pip}>{pip > 99 ? '99+' : pip}</b>}
      </button>
      {children}
    </div>
  );
}
