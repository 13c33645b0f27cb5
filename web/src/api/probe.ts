const samples = 5;
const timeoutMs = 4000;

/** The middle of some measurements; the mean of the two middle ones if their number is even. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/**
 * Measures the round trip to the server in ms: the median of five small requests, after one that
 * opens the connection. Throws if one of them fails or takes longer than 4 s.
 */
export async function measureRoundTrip(): Promise<number> {
  const once = async () => {
    const start = performance.now();
    const response = await fetch('/livez', { cache: 'no-store', signal: AbortSignal.timeout(timeoutMs) });
    await response.text();
    if (!response.ok) throw new Error(`livez answered ${response.status}`);
    return performance.now() - start;
  };
  await once();
  const times: number[] = [];
  while (times.length < samples) times.push(await once());
  return median(times);
}
