import { describe, expect, it } from 'vitest';
import { bringForward, keepOrder, pickStage, type Sitting } from './tileOrder';

const sit = (identity: string, over: Partial<Sitting> = {}): Sitting => ({
  identity,
  isLocal: identity === 'me',
  speaking: false,
  ...over,
});

describe('keepOrder', () => {
  it('seats the own tile second and newcomers at the end', () => {
    const first = keepOrder([], [sit('me'), sit('ana'), sit('ben')]);
    const later = keepOrder(first, [sit('me'), sit('zoe'), sit('ana'), sit('ben')]);

    expect(first).toEqual(['ana', 'me', 'ben']);
    expect(later).toEqual(['ana', 'me', 'ben', 'zoe']);
  });

  it('moves nobody when somebody speaks', () => {
    const order = ['ana', 'me', 'ben'];

    expect(keepOrder(order, [sit('me'), sit('ben', { speaking: true }), sit('ana')])).toEqual(order);
  });

  it('closes the gap of somebody who left', () => {
    expect(keepOrder(['ana', 'me', 'ben'], [sit('me'), sit('ben')])).toEqual(['me', 'ben']);
  });
});

describe('bringForward', () => {
  const order = ['ana', 'me', 'ben', 'cleo', 'dan'];

  it('swaps a hidden speaker with the last quiet person who is seen', () => {
    const people = order.map((identity) => sit(identity, { speaking: identity === 'dan' }));

    expect(bringForward(order, people, 3)).toEqual(['ana', 'me', 'dan', 'cleo', 'ben']);
  });

  it('leaves a speaker alone who is seen already', () => {
    const people = order.map((identity) => sit(identity, { speaking: identity === 'ana' }));

    expect(bringForward(order, people, 3)).toEqual(order);
  });

  it('never takes the seat of the own tile or of another speaker', () => {
    const people = order.map((identity) => sit(identity, { speaking: identity !== 'me' }));

    expect(bringForward(order, people, 3)).toEqual(order);
  });
});

describe('pickStage', () => {
  it('stays with who is on the stage while they speak', () => {
    const people = [sit('me'), sit('ana', { speaking: true }), sit('ben', { speaking: true })];

    expect(pickStage('ben', people)).toBe('ben');
  });

  it('stays with who spoke last while nobody speaks', () => {
    expect(pickStage('ben', [sit('me'), sit('ana'), sit('ben')])).toBe('ben');
  });

  it('goes to another speaker, but never to oneself', () => {
    const people = [sit('me', { speaking: true }), sit('ana'), sit('ben', { speaking: true })];

    expect(pickStage('ana', people)).toBe('ben');
    expect(pickStage('ana', [sit('me', { speaking: true }), sit('ana')])).toBe('ana');
  });

  it('shows oneself when alone', () => {
    expect(pickStage(undefined, [sit('me')])).toBe('me');
  });
});
