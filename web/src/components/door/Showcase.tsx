import { IconMicrophoneOff } from '@tabler/icons-react';
import { useText } from '../../i18n/I18n';
import { Portrait, type Sitter } from './Portrait';
import classes from './Showcase.module.css';

/** A picture of a small call, beside the form on wide screens. Says nothing that matters. */
export function Showcase() {
  const text = useText();
  const small: { sitter: Sitter; name: string }[] = [
    { sitter: 'kenji', name: 'Kenji' },
    { sitter: 'leila', name: 'Leila' },
    { sitter: 'you', name: text('join.showcase.you') },
  ];
  return (
    <section className={classes.side} aria-hidden="true">
      <div className={classes.frame}>
        <div className={`${classes.tile ?? ''} ${classes.speaks ?? ''}`}>
          <Portrait sitter="lucia" />
          <span className={classes.tag}>Lucía</span>
        </div>
        <div className={classes.row}>
          {small.map(({ sitter, name }) => (
            <div key={sitter} className={classes.tile}>
              <Portrait sitter={sitter} />
              <span className={classes.tag}>
                {name}
                <IconMicrophoneOff size={16} className={classes.muted ?? ''} />
              </span>
            </div>
          ))}
        </div>
      </div>
      <div className={classes.words}>
        <h2>{text('join.showcase.title')}</h2>
        <p>{text('join.showcase.text')}</p>
      </div>
    </section>
  );
}
