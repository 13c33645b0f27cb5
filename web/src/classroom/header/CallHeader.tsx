import { ActionIcon } from '@mantine/core';
import { IconBoxAlignTop, IconLayoutGrid, IconMaximize, IconMinimize, IconStopwatch } from '@tabler/icons-react';
import type { Room } from 'livekit-client';
import { useText } from '../../i18n/I18n';
import type { Quality } from '../room/people';
import { formatDuration, useSeconds } from '../status/useSeconds';
import classes from './CallHeader.module.css';
import { ConnectionDetails } from './ConnectionDetails';
import { useFullscreen } from './useFullscreen';

export type Layout = 'grid' | 'speaker';

interface Props {
  name: string;
  room: Room;
  since: number;
  quality: Quality;
  layout: Layout;
  onLayout: (layout: Layout) => void;
}

/** Name of the room, time in it, and how it is shown. */
export function CallHeader({ name, room, since, quality, layout, onLayout }: Props) {
  const text = useText();
  const fullscreen = useFullscreen();
  const fullscreenLabel = text(fullscreen?.on ? 'call.fullscreen.leave' : 'call.fullscreen.enter');
  return (
    <header className={classes.head}>
      <h1 className="cut">{name}</h1>
      <Elapsed since={since} />
      <span className={classes.grow} />
      <LayoutSwitch layout={layout} onLayout={onLayout} />
      <ConnectionDetails room={room} quality={quality} />
      {fullscreen && (
        <ActionIcon
          className={`${classes.button ?? ''} ${classes.notPhone ?? ''}`}
          aria-label={fullscreenLabel}
          title={fullscreenLabel}
          onClick={fullscreen.toggle}
        >
          {fullscreen.on ? <IconMinimize size={20} stroke={1.75} /> : <IconMaximize size={20} stroke={1.75} />}
        </ActionIcon>
      )}
    </header>
  );
}

function Elapsed({ since }: { since: number }) {
  const text = useText();
  const time = formatDuration(useSeconds(since));
  return (
    <span className={`num ${classes.chip ?? ''}`} title={text('call.elapsed', { time })}>
      <IconStopwatch size={16} stroke={2} aria-hidden="true" />
      {time}
    </span>
  );
}

function LayoutSwitch({ layout, onLayout }: { layout: Layout; onLayout: (layout: Layout) => void }) {
  const text = useText();
  return (
    <div className={classes.seg} role="group" aria-label={text('call.layout')}>
      <button
        type="button"
        aria-pressed={layout === 'grid'}
        className={classes.segItem}
        data-testid="layout-grid"
        onClick={() => {
          onLayout('grid');
        }}
      >
        <IconLayoutGrid size={16} stroke={2} aria-hidden="true" />
        <span>{text('call.layout.grid')}</span>
      </button>
      <button
        type="button"
        aria-pressed={layout === 'speaker'}
        className={classes.segItem}
        data-testid="layout-speaker"
        onClick={() => {
          onLayout('speaker');
        }}
      >
        <IconBoxAlignTop size={16} stroke={2} aria-hidden="true" />
        <span>{text('call.layout.speaker')}</span>
      </button>
    </div>
  );
}
