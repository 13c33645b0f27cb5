import { IconMicrophone, IconMicrophoneOff, IconVideo, IconVideoOff } from '@tabler/icons-react';
import { Avatar } from '../../components/Avatar';
import { useText, type Translate } from '../../i18n/I18n';
import type { Person } from '../room/people';
import { SignalIcon } from '../tiles/SignalIcon';
import classes from './PeopleList.module.css';

/** Everybody in the room with the state of their devices. */
export function PeopleList({ people }: { people: Person[] }) {
  const text = useText();
  return (
    <section className={classes.list} tabIndex={0} aria-label={text('people.label')}>
      <h2 className={classes.heading}>
        {text('people.inRoom')} <span className="num">{text('people.count', { count: people.length })}</span>
      </h2>
      <ul>
        {people.map((person) => (
          <Row key={person.identity} person={person} />
        ))}
      </ul>
    </section>
  );
}

function remark(person: Person, text: Translate): string | undefined {
  if (person.quality === 'lost') return text('people.lost');
  if (person.quality === 'poor') return text('people.slow');
  return person.share ? text('people.sharing') : undefined;
}

function Row({ person }: { person: Person }) {
  const text = useText();
  const note = remark(person, text);
  const weak = person.quality === 'poor' || person.quality === 'lost';
  return (
    <li className={classes.who}>
      <Avatar name={person.name} className={classes.avatar} />
      <span className={classes.names}>
        <span className="cut">{person.isLocal ? text('call.you', { name: person.name }) : person.name}</span>
        {note !== undefined && <small className="cut">{note}</small>}
      </span>
      {weak && <SignalIcon quality={person.quality} className={classes.weak ?? ''} />}
      {person.micOn ? (
        <IconMicrophone
          stroke={1.75}
          className={person.speaking ? classes.live ?? '' : ''}
          role="img"
          aria-label={text(person.speaking ? 'people.speaking' : 'people.micOn')}
        />
      ) : (
        <IconMicrophoneOff stroke={1.75} className={classes.off ?? ''} role="img" aria-label={text('call.muted')} />
      )}
      {person.cameraOn ? (
        <IconVideo stroke={1.75} role="img" aria-label={text('people.cameraOn')} />
      ) : (
        <IconVideoOff stroke={1.75} className={classes.off ?? ''} role="img" aria-label={text('people.cameraOff')} />
      )}
    </li>
  );
}
