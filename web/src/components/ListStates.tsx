import { Button, Skeleton } from '@mantine/core';
import { IconRefresh, IconWifiOff, type Icon } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import { problemOf } from '../api/problem';
import { useText } from '../i18n/I18n';
import stateClasses from './StateScreen.module.css';
import classes from './surface.module.css';

/** The shape of rows that are on their way. */
export function RowsSkeleton({ rows = 3 }: { rows?: number }) {
  const text = useText();
  return (
    <div className={`${classes.card ?? ''} ${classes.rows ?? ''}`} role="status" aria-busy="true" aria-label={text('app.loading')}>
      {Array.from({ length: rows }, (_, index) => (
        <div key={index} className={classes.row}>
          <Skeleton height={36} circle />
          <div className={classes.lines}>
            <Skeleton height={12} width={`${48 - 6 * (index % 3)}%`} />
            <Skeleton height={10} width={`${66 - 9 * (index % 3)}%`} />
          </div>
        </div>
      ))}
    </div>
  );
}

/** Nothing there yet: what that means, and what to do next. */
export function Empty({ icon: Icon, title, children, action }: { icon: Icon; title: string; children: ReactNode; action?: ReactNode }) {
  return (
    <div className={classes.card} data-testid="empty">
      <div className={stateClasses.mid}>
        <span className={stateClasses.pict} data-calm>
          <Icon size={32} stroke={1.5} aria-hidden="true" />
        </span>
        <p className={stateClasses.title}>{title}</p>
        <p>{children}</p>
        {action !== undefined && <div className={stateClasses.row}>{action}</div>}
      </div>
    </div>
  );
}

/** Something did not load: what happened, that nothing is lost, one way on. */
export function LoadError({ error, onRetry }: { error: unknown; onRetry: () => void }) {
  const text = useText();
  const problem = problemOf(error);
  const isAway = problem.status === 0 || problem.status >= 500;
  return (
    <div className={classes.card} role="alert" data-testid="load-error">
      <div className={stateClasses.mid}>
        <span className={stateClasses.pict}>
          <IconWifiOff size={32} stroke={1.5} aria-hidden="true" />
        </span>
        <p className={stateClasses.title}>{text('load.failed')}</p>
        <p>{text(isAway ? 'load.away' : 'load.refused')}</p>
        <div className={stateClasses.row}>
          <Button onClick={onRetry} leftSection={<IconRefresh size={18} aria-hidden="true" />}>
            {text('error.retry')}
          </Button>
        </div>
        {problem.requestId !== undefined && <small>{text('app.supportCode', { code: problem.requestId })}</small>}
      </div>
    </div>
  );
}
