import { IconAlertCircle, IconAlertTriangle, IconCircleCheck, IconInfoCircle } from '@tabler/icons-react';
import { useEffect, useState, type ReactNode } from 'react';
import { useText } from '../i18n/I18n';
import type { FormProblem } from '../lib/formProblem';
import classes from './FormNote.module.css';

const icons = { bad: IconAlertCircle, warn: IconAlertTriangle, info: IconInfoCircle, ok: IconCircleCheck };

/** A few words in a coloured box. `bad` is announced at once. */
export function Note({ kind, children }: { kind: keyof typeof icons; children: ReactNode }) {
  const Icon = icons[kind];
  return (
    <div className={classes.note} data-kind={kind} role={kind === 'bad' ? 'alert' : undefined}>
      <Icon size={20} stroke={1.75} aria-hidden="true" />
      <div>{children}</div>
    </div>
  );
}

/** Seconds that are left of `wait`, counted since `key` changed. */
function useCountdown(wait: number | undefined, key: unknown): number {
  const [left, setLeft] = useState(wait ?? 0);
  useEffect(() => {
    if (wait === undefined) return;
    const end = Date.now() + wait * 1000;
    const tick = () => {
      setLeft(Math.max(0, Math.ceil((end - Date.now()) / 1000)));
    };
    tick();
    const timer = setInterval(tick, 250);
    return () => {
      clearInterval(timer);
    };
  }, [wait, key]);
  return left;
}

/** What the server said about a whole form. `more` goes on in the same box, such as a link to the way out. */
export function FormNote({ problem, more }: { problem: FormProblem | undefined; more?: ReactNode }) {
  const text = useText();
  const left = useCountdown(problem?.wait, problem);
  if (problem?.message === undefined) return null;
  return (
    <Note kind="bad">
      <span data-testid="form-problem">{text(problem.message)}</span> {more}
      {problem.wait !== undefined && (
        // Counting aloud would drown everything else: the first number is enough.
        <span>
          <span className="sr">{text('problem.wait', { seconds: problem.wait })}</span>
          <span aria-hidden="true" data-testid="form-wait">
            {left > 0 ? text('problem.wait', { seconds: left }) : text('problem.waitOver')}
          </span>
        </span>
      )}
      {problem.supportCode !== undefined && <small className={classes.code}>{text('app.supportCode', { code: problem.supportCode })}</small>}
    </Note>
  );
}
