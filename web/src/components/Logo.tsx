import classes from './Brand.module.css';

/** Two hands meeting: the mark of Clapt. */
export function Logo() {
  return (
    <svg className={classes.logo} viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="9" fill="var(--accent)" />
      <g fill="none" stroke="var(--on-accent)" strokeLinecap="round">
        <path d="M10 21.5l4-9.5M22 21.5l-4-9.5" strokeWidth="3.2" />
        <path d="M16 5.500v1.800M9.500 7.200l1 1.600M22.500 7.200l-1 1.600" strokeWidth="2.2" opacity=".75" />
      </g>
    </svg>
  );
}
