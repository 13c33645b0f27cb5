import type { Room, TrackPublication } from 'livekit-client';
import { useEffect, useState } from 'react';
import { readCounters, summarize, type ConnectionStats, type Counters, type StatEntry } from './stats';

const everyMs = 2000;

async function collect(room: Room): Promise<StatEntry[]> {
  const publications: TrackPublication[] = [room.localParticipant, ...room.remoteParticipants.values()].flatMap((who) => [
    ...who.trackPublications.values(),
  ]);
  const tracks = publications.flatMap((publication) => publication.track ?? []);
  const reports = await Promise.all(tracks.map((track) => track.getRTCStatsReport()));
  // Each report repeats the transport, so entries are told apart by their id.
  const entries = new Map<string, StatEntry>();
  for (const report of reports) {
    report?.forEach((entry: StatEntry) => {
      entries.set(String(entry.id), entry);
    });
  }
  return [...entries.values()];
}

/** Measures the connection every two seconds while mounted. */
export function useStats(room: Room): ConnectionStats | undefined {
  const [stats, setStats] = useState<ConnectionStats>();
  useEffect(() => {
    let current = true;
    let before: Counters | undefined;
    const measure = async () => {
      const entries = await collect(room);
      if (!current) return;
      const after = readCounters(entries, performance.now());
      setStats(summarize(entries, before, after));
      before = after;
    };
    void measure();
    const timer = window.setInterval(() => void measure(), everyMs);
    return () => {
      current = false;
      window.clearInterval(timer);
    };
  }, [room]);
  return stats;
}
