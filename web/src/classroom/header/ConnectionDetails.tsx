import { ActionIcon, Popover } from '@mantine/core';
import type { Room } from 'livekit-client';
import { useText, type Translate } from '../../i18n/I18n';
import type { Quality } from '../room/people';
import { SignalIcon } from '../tiles/SignalIcon';
import classes from './CallHeader.module.css';
import type { ConnectionStats } from './stats';
import { useStats } from './useStats';

/** Bars that open a panel with what was measured. */
export function ConnectionDetails({ room, quality }: { room: Room; quality: Quality }) {
  const text = useText();
  const label = text('details.open', { quality: text(`details.quality.${quality}`) });
  return (
    <Popover position="bottom-end" width={288} trapFocus returnFocus>
      <Popover.Target>
        <ActionIcon className={classes.button ?? ''} aria-label={label} title={label}>
          <SignalIcon quality={quality} className={classes.signal ?? ''} />
        </ActionIcon>
      </Popover.Target>
      <Popover.Dropdown className={classes.details ?? ''} aria-label={text('details.title')} tabIndex={-1} data-autofocus>
        <Details room={room} />
      </Popover.Dropdown>
    </Popover>
  );
}

function rows(stats: ConnectionStats | undefined, text: Translate): [string, string][] {
  const unknown = text('details.unknown');
  const rate = (kbps: number | undefined) => (kbps === undefined ? unknown : text('details.rate', { kbps }));
  const path =
    stats?.protocol === undefined
      ? unknown
      : text(stats.relayed ? 'details.path.relay' : 'details.path.direct', { protocol: stats.protocol });
  const layers = stats?.layers.map((layer) => `${layer.width} × ${layer.height}, ${layer.fps} fps`).join('\n');
  return [
    [text('details.path'), path],
    [text('details.rtt'), stats?.rttMs === undefined ? unknown : text('details.rtt.value', { ms: stats.rttMs })],
    [
      text('details.loss'),
      stats?.lossPercent === undefined ? unknown : text('details.loss.value', { percent: stats.lossPercent }),
    ],
    [text('details.up'), rate(stats?.upKbps)],
    [text('details.down'), rate(stats?.downKbps)],
    [text('details.layers'), layers === undefined ? unknown : layers === '' ? text('details.layers.none') : layers],
  ];
}

function Details({ room }: { room: Room }) {
  const text = useText();
  const stats = useStats(room);
  return (
    <>
      <h2>{text('details.title')}</h2>
      <dl>
        {rows(stats, text).map(([term, value]) => (
          <div key={term}>
            <dt>{term}</dt>
            <dd className="num">{value}</dd>
          </div>
        ))}
      </dl>
    </>
  );
}
