import { ActionIcon, Button } from '@mantine/core';
import { IconAlertCircle, IconCheck, IconInfoCircle, IconX } from '@tabler/icons-react';
import { useEffect, useState } from 'react';
import { useText } from '../i18n/I18n';
import { dismissToast, useToasts, type Toast } from '../lib/toasts';
import classes from './Toasts.module.css';

const icons = { ok: IconCheck, bad: IconAlertCircle, info: IconInfoCircle };

/** Long enough to read two lines and to reach the button. */
const shownMs = 8000;

/** The corner where toasts appear; what appears is read out. */
export function Toasts() {
  const toasts = useToasts();
  return (
    <div className={classes.corner} role="status" aria-live="polite">
      {toasts.map((toast) => (
        <ToastCard key={toast.id} toast={toast} />
      ))}
    </div>
  );
}

function ToastCard({ toast }: { toast: Toast }) {
  const text = useText();
  const [held, setHeld] = useState(false);
  const Icon = icons[toast.kind];
  // What went wrong stays until it is read; the rest goes, but not from under a hand.
  const stays = toast.kind === 'bad' || held;
  useEffect(() => {
    if (stays) return;
    const timer = setTimeout(() => {
      dismissToast(toast.id);
    }, shownMs);
    return () => {
      clearTimeout(timer);
    };
  }, [stays, toast.id]);
  const hold = (value: boolean) => () => {
    setHeld(value);
  };
  const close = () => {
    dismissToast(toast.id);
  };
  return (
    <div className={classes.toast} data-kind={toast.kind} data-testid="toast" onMouseEnter={hold(true)} onMouseLeave={hold(false)} onFocus={hold(true)} onBlur={hold(false)}>
      <Icon size={20} stroke={1.75} aria-hidden="true" />
      <p>
        <b>{toast.title}</b>
        {toast.text !== undefined && <span>{toast.text}</span>}
      </p>
      <span className={classes.end}>
        {toast.action && (
          <Button
            variant="subtle"
            onClick={() => {
              toast.action?.run();
              close();
            }}
          >
            {toast.action.label}
          </Button>
        )}
        <ActionIcon aria-label={text('toast.close')} onClick={close}>
          <IconX size={18} />
        </ActionIcon>
      </span>
    </div>
  );
}
