import classes from './Spinner.module.css';

/** Turns while something is awaited; a text beside it says what. */
export function Spinner() {
  return <span className={classes.spin} aria-hidden="true" />;
}
