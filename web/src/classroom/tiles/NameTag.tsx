import { IconMicrophoneOff } from '@tabler/icons-react';
import { useText } from '../../i18n/I18n';
import type { Person } from '../room/people';
import { SignalIcon } from './SignalIcon';
import classes from './Tile.module.css';

/** Name and marks at the bottom left of a tile; every mark has a word for screen readers. */
export function NameTag({ person, small }: { person: Person; small: boolean }) {
  const text = useText();
  const own = small ? text('call.you.short') : text('call.you', { name: person.name });
  const weak = person.quality === 'poor' || person.quality === 'lost';
  return (
    <span className={classes.tag}>
      <span className="cut">{person.isLocal ? own : person.name}</span>
      {!person.micOn && (
        <>
          <IconMicrophoneOff className={classes.muted ?? ''} stroke={2} aria-hidden="true" />
          <span className="sr">, {text('call.muted')}</span>
        </>
      )}
      {weak && (
        <>
          <SignalIcon quality={person.quality} className={classes.weak ?? ''} />
          <span className="sr">, {text(person.quality === 'lost' ? 'call.lost' : 'call.slow')}</span>
        </>
      )}
    </span>
  );
}
