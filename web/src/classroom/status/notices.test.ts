import { describe, expect, it } from 'vitest';
import { chooseHint, type HintInput } from './notices';

const calm: HintInput = {
  soundBlocked: false,
  pushToTalk: false,
  notice: undefined,
  micSystemMuted: false,
  quality: 'excellent',
  alone: false,
};

describe('chooseHint', () => {
  it('is silent while all is well', () => {
    expect(chooseHint(calm)).toBeUndefined();
  });

  it('shows the most urgent hint', () => {
    const all: HintInput = { soundBlocked: true, pushToTalk: true, notice: 'micBusy', micSystemMuted: true, quality: 'poor', alone: true };

    expect(chooseHint(all)).toBe('sound');
    expect(chooseHint({ ...all, soundBlocked: false })).toBe('pushToTalk');
    expect(chooseHint({ ...all, soundBlocked: false, pushToTalk: false })).toBe('micBusy');
    expect(chooseHint({ ...calm, quality: 'poor', alone: true })).toBe('slow');
    expect(chooseHint({ ...calm, alone: true })).toBe('alone');
  });
});
