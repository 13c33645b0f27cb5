import { useEffect, useState } from 'react';

const floorDb = -60;
const ceilingDb = -12;

/** Loudness as 0 to `steps`, from the root mean square of samples between -1 and 1. */
export function levelSteps(rms: number, steps: number): number {
  if (rms <= 0) return 0;
  const db = 20 * Math.log10(rms);
  const share = (db - floorDb) / (ceilingDb - floorDb);
  return Math.round(Math.min(1, Math.max(0, share)) * steps);
}

/** Follows how loud a microphone is, in whole steps, about 15 times a second. */
export function useMicLevel(track: MediaStreamTrack | undefined, steps: number): number {
  const [level, setLevel] = useState(0);
  useEffect(() => {
    if (!track) return;
    const context = new AudioContext();
    const analyser = context.createAnalyser();
    analyser.fftSize = 1024;
    const source = context.createMediaStreamSource(new MediaStream([track]));
    source.connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    const timer = window.setInterval(() => {
      analyser.getFloatTimeDomainData(samples);
      const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
      setLevel(levelSteps(Math.sqrt(power), steps));
    }, 66);
    return () => {
      window.clearInterval(timer);
      setLevel(0);
      void context.close();
    };
  }, [track, steps]);
  return level;
}
