import { describe, expect, it } from 'vitest';
import { readCounters, summarize } from './stats';

const report = (bytesUp: number, bytesDown: number, packets: number, lost: number) => [
  { id: 'P', type: 'candidate-pair', state: 'succeeded', nominated: true, currentRoundTripTime: 0.038, localCandidateId: 'L' },
  { id: 'L', type: 'local-candidate', protocol: 'udp', candidateType: 'host' },
  { id: 'O1', type: 'outbound-rtp', kind: 'video', bytesSent: bytesUp, frameWidth: 640, frameHeight: 360, framesPerSecond: 30, active: true },
  { id: 'O2', type: 'outbound-rtp', kind: 'video', bytesSent: 0, frameWidth: 1280, frameHeight: 720, framesPerSecond: 29.6, active: true },
  { id: 'O3', type: 'outbound-rtp', kind: 'video', bytesSent: 0, frameWidth: 320, frameHeight: 180, active: false },
  { id: 'I', type: 'inbound-rtp', kind: 'audio', bytesReceived: bytesDown, packetsReceived: packets, packetsLost: lost },
];

describe('summarize', () => {
  it('makes rates and loss of two moments', () => {
    const before = readCounters(report(0, 0, 0, 0), 1000);
    const entries = report(250_000, 125_000, 98, 2);
    const stats = summarize(entries, before, readCounters(entries, 3000));

    expect(stats).toMatchObject({ protocol: 'UDP', relayed: false, rttMs: 38, upKbps: 1000, downKbps: 500, lossPercent: 2 });
    expect(stats.layers.map((layer) => layer.width)).toEqual([1280, 640]);
  });

  it('claims nothing that was not measured', () => {
    const stats = summarize([], undefined, readCounters([], 0));

    expect(stats).toEqual({
      protocol: undefined,
      relayed: false,
      rttMs: undefined,
      lossPercent: undefined,
      upKbps: undefined,
      downKbps: undefined,
      layers: [],
    });
  });

  it('gives no rate when somebody left and the counters fell', () => {
    const before = readCounters(report(500, 500, 10, 0), 0);
    const entries = report(100, 100, 2, 0);

    expect(summarize(entries, before, readCounters(entries, 1000))).toMatchObject({ upKbps: undefined, lossPercent: undefined });
  });
});
