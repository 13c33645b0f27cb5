import { useLocale, useText } from '../i18n/I18n';
import classes from './LanguageSwitch.module.css';

/** Changes to the other language; named in that language. */
export function LanguageSwitch() {
  const { other, setLocale } = useLocale();
  const text = useText();
  return (
    <button
      type="button"
      className={classes.link}
      lang={other}
      onClick={() => {
        setLocale(other);
      }}
    >
      {text('app.language')}
    </button>
  );
}
