import type { ReactNode } from 'react';
import classes from './surface.module.css';

/** One row of a card: what it is, what about it, what can be done. */
export function Row({ icon, title, about, warning, children }: {
  icon?: ReactNode;
  title: ReactNode;
  about?: ReactNode;
  /** Instead of `about`, where something should be done. */
  warning?: ReactNode;
  children?: ReactNode;
}) {
  return (
    <div className={classes.row}>
      {icon}
      <div className={classes.grow}>
        <b>{title}</b>
        {about !== undefined && warning === undefined && <small>{about}</small>}
        {warning !== undefined && <small className={classes.warn}>{warning}</small>}
      </div>
      {children !== undefined && <div className={classes.end}>{children}</div>}
    </div>
  );
}

/** A framed surface; `rows` draws a line between its children, `as="ul"` makes a list of them. */
export function Card({ rows = false, as: Tag = 'div', children }: { rows?: boolean; as?: 'div' | 'ul'; children: ReactNode }) {
  return <Tag className={`${classes.card ?? ''} ${rows ? (classes.rows ?? '') : ''}`}>{children}</Tag>;
}

export function Badge({ kind, children }: { kind: 'ok' | 'warn' | 'bad' | 'accent' | 'plain'; children: ReactNode }) {
  return (
    <span className={classes.badge} data-kind={kind}>
      {children}
    </span>
  );
}
