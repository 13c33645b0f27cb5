import { IconScreenShare, IconZoomIn, IconZoomOut } from '@tabler/icons-react';
import type { VideoTrack } from 'livekit-client';
import { useState, type CSSProperties } from 'react';
import { useText } from '../../i18n/I18n';
import type { Person } from '../room/people';
import { TrackVideo } from '../tiles/TrackVideo';
import classes from './ShareStage.module.css';
import { useIdlePointer } from './useIdlePointer';
import { noSwipe } from './useSwipe';
import { fitZoom, zoomIn, zoomOut, type Zoom } from './zoom';

/** A shared screen on the stage: fitted, pixel by pixel, or enlarged. Never mirrored. */
export function ShareStage({ person, track }: { person: Person; track: VideoTrack }) {
  const text = useText();
  const [zoom, setZoom] = useState<Zoom>(fitZoom);
  const [size, setSize] = useState({ width: 16, height: 9 });
  const { idle, handlers } = useIdlePointer();
  const actual = size.width / window.devicePixelRatio;
  const style = { '--ratio': size.width / size.height, '--actual': `${actual}px`, '--scale': zoom.scale };
  return (
    <figure
      className={classes.share}
      style={style as CSSProperties}
      data-testid="share-stage"
      data-identity={person.identity}
      data-idle={idle || undefined}
      {...handlers}
    >
      {/* A zoomed picture is scrolled, also by keyboard. */}
      <div
        className={classes.scroll}
        data-mode={zoom.mode}
        tabIndex={zoom.mode === 'fit' ? -1 : 0}
        {...(zoom.mode === 'fit' ? {} : noSwipe)}
      >
        <TrackVideo
          track={track}
          fit="contain"
          className={classes.picture}
          onSize={(width, height) => {
            if (width > 0 && height > 0) setSize({ width, height });
          }}
        />
      </div>
      <figcaption className={classes.tag}>
        <IconScreenShare size={20} stroke={1.75} aria-hidden="true" />
        <span className="cut">
          {person.isLocal ? text('share.you') : text('share.other', { name: person.name })}
        </span>
      </figcaption>
      <div className={classes.zoom} role="group" aria-label={text('share.zoom')}>
        <button
          type="button"
          aria-pressed={zoom.mode === 'fit'}
          onClick={() => {
            setZoom(fitZoom);
          }}
        >
          {text('share.fit')}
        </button>
        <button
          type="button"
          aria-pressed={zoom.mode === 'actual'}
          onClick={() => {
            setZoom({ mode: 'actual', scale: 1 });
          }}
        >
          {text('share.actual')}
        </button>
        {zoom.mode === 'zoomed' && (
          <button
            type="button"
            aria-label={text('share.zoomOut')}
            onClick={() => {
              setZoom(zoomOut(zoom));
            }}
          >
            <IconZoomOut size={16} stroke={2} />
          </button>
        )}
        <button
          type="button"
          aria-label={text('share.zoomIn')}
          onClick={() => {
            setZoom(zoomIn(zoom));
          }}
        >
          <IconZoomIn size={16} stroke={2} />
        </button>
      </div>
    </figure>
  );
}
