import { IconPin, IconPinnedOff, IconScreenShare } from '@tabler/icons-react';
import type { CSSProperties } from 'react';
import { Avatar } from '../../components/Avatar';
import { useText } from '../../i18n/I18n';
import type { TileItem } from '../layout/items';
import { NameTag } from './NameTag';
import classes from './Tile.module.css';
import { TrackVideo } from './TrackVideo';

interface Props {
  item: TileItem;
  pinned?: boolean;
  /** Missing where a tile cannot be pinned. */
  onPin?: (key: string) => void;
  /** In the strip, where the own name is just "You". */
  small?: boolean;
  style?: CSSProperties;
}

/** A person's camera, or their initials; or a shared screen in the grid. */
export function Tile({ item, pinned = false, onPin, small = false, style }: Props) {
  const text = useText();
  const { person, source } = item;
  const isShare = source === 'screen_share';
  const track = isShare ? person.share : person.camera;
  const who = person.isLocal ? text('call.you', { name: person.name }) : person.name;
  const speaking = person.speaking && !isShare;
  return (
    <li
      className={classes.tile}
      style={style}
      data-testid="tile"
      data-identity={person.identity}
      data-source={source}
      data-speaking={speaking}
    >
      {/* Stays below the video, which is empty until its first frame. */}
      <Avatar name={person.name} className={classes.avatar} />
      {track && <TrackVideo track={track} mirrored={person.isLocal && !isShare} fit={isShare ? 'contain' : 'cover'} />}
      {person.cameraPaused && !isShare && <p className={classes.paused}>{text('call.paused')}</p>}
      {onPin && (
        <span className={classes.acts}>
          <button
            type="button"
            aria-pressed={pinned}
            aria-label={text(pinned ? 'call.unpin' : 'call.pin', { name: who })}
            title={text(pinned ? 'call.unpin' : 'call.pin', { name: who })}
            onClick={() => {
              onPin(item.key);
            }}
          >
            {pinned ? <IconPinnedOff size={20} stroke={1.75} /> : <IconPin size={20} stroke={1.75} />}
          </button>
        </span>
      )}
      {isShare ? (
        <span className={classes.tag}>
          <IconScreenShare stroke={2} aria-hidden="true" />
          <span className="cut">
            {person.isLocal ? text('share.you.short') : text('share.other', { name: person.name })}
          </span>
        </span>
      ) : (
        <NameTag person={person} small={small} />
      )}
    </li>
  );
}
