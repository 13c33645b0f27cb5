import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import classes from './Brand.module.css';
import { Logo } from './Logo';
import { ThemeSwitch } from './ThemeSwitch';

/** The name of the product, as a link home. */
export function Brand() {
  return (
    <Link to="/" className={classes.brand ?? ''}>
      <Logo />
      <span>Clapt</span>
    </Link>
  );
}

/** Header of the pages outside of the call. */
export function TopBar({ children }: { children?: ReactNode }) {
  return (
    <header className={classes.top}>
      <Brand />
      <div className={classes.end}>
        {children}
        <ThemeSwitch />
      </div>
    </header>
  );
}
