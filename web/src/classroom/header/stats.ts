/** What the details panel shows; undefined is "not measured". */
export interface ConnectionStats {
  protocol: string | undefined;
  relayed: boolean;
  rttMs: number | undefined;
  lossPercent: number | undefined;
  upKbps: number | undefined;
  downKbps: number | undefined;
  /** Sizes of the picture that we send now, largest first. */
  layers: { width: number; height: number; fps: number }[];
}

/** Counters of one moment, from which two make rates. */
export interface Counters {
  at: number;
  bytesUp: number;
  bytesDown: number;
  packetsDown: number;
  lostDown: number;
}

/** One entry of a WebRTC statistics report; every field may be missing. */
export type StatEntry = Readonly<Record<string, unknown>>;

const number = (entry: StatEntry, key: string): number | undefined => {
  const value = entry[key];
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
};
const sum = (entries: StatEntry[], key: string): number =>
  entries.reduce((total, entry) => total + (number(entry, key) ?? 0), 0);

/** Adds up the counters of senders and receivers at the time `at` in ms. */
export function readCounters(entries: StatEntry[], at: number): Counters {
  const up = entries.filter((entry) => entry.type === 'outbound-rtp');
  const down = entries.filter((entry) => entry.type === 'inbound-rtp');
  return {
    at,
    bytesUp: sum(up, 'bytesSent'),
    bytesDown: sum(down, 'bytesReceived'),
    packetsDown: sum(down, 'packetsReceived'),
    lostDown: Math.max(0, sum(down, 'packetsLost')),
  };
}

const kbps = (before: number, after: number, ms: number): number | undefined =>
  ms > 0 && after >= before ? Math.round(((after - before) * 8) / ms) : undefined;

function lossBetween(before: Counters, after: Counters): number | undefined {
  const lost = after.lostDown - before.lostDown;
  const arrived = after.packetsDown - before.packetsDown;
  if (lost < 0 || arrived <= 0) return undefined;
  return (100 * lost) / (lost + arrived);
}

/** Sums up one report; rates and loss need the counters of an earlier one. */
export function summarize(entries: StatEntry[], before: Counters | undefined, after: Counters): ConnectionStats {
  const pair =
    entries.find((entry) => entry.type === 'candidate-pair' && entry.nominated === true && entry.state === 'succeeded') ??
    entries.find((entry) => entry.type === 'candidate-pair' && entry.state === 'succeeded');
  const local = entries.find((entry) => entry.type === 'local-candidate' && entry.id === pair?.localCandidateId);
  const protocol = local?.protocol;
  const rtt = pair ? number(pair, 'currentRoundTripTime') : undefined;
  const layers = entries
    .filter((entry) => entry.type === 'outbound-rtp' && entry.kind === 'video' && entry.active !== false)
    .map((entry) => ({
      width: number(entry, 'frameWidth') ?? 0,
      height: number(entry, 'frameHeight') ?? 0,
      fps: Math.round(number(entry, 'framesPerSecond') ?? 0),
    }))
    .filter((layer) => layer.width > 0 && layer.fps > 0)
    .sort((a, b) => b.width - a.width);
  const ms = before ? after.at - before.at : 0;
  return {
    protocol: typeof protocol === 'string' ? protocol.toUpperCase() : undefined,
    relayed: local?.candidateType === 'relay',
    rttMs: rtt === undefined ? undefined : Math.round(rtt * 1000),
    lossPercent: before ? lossBetween(before, after) : undefined,
    upKbps: before ? kbps(before.bytesUp, after.bytesUp, ms) : undefined,
    downKbps: before ? kbps(before.bytesDown, after.bytesDown, ms) : undefined,
    layers,
  };
}
