/** Seconds that the test sound lasts. */
export const testSoundSeconds = 1.2;

/** Plays two soft notes through the chosen speaker ('' is the system's). */
export async function playTestSound(speakerId: string): Promise<void> {
  const context = new AudioContext();
  const target = context.createMediaStreamDestination();
  const player = new Audio();
  player.srcObject = target.stream;
  if (speakerId !== '' && 'setSinkId' in player) await player.setSinkId(speakerId);
  const start = context.currentTime + 0.05;
  for (const [index, hertz] of [523.25, 783.99].entries()) {
    const note = context.createOscillator();
    const volume = context.createGain();
    const from = start + index * 0.35;
    note.frequency.value = hertz;
    volume.gain.setValueAtTime(0, from);
    volume.gain.linearRampToValueAtTime(0.25, from + 0.03);
    volume.gain.exponentialRampToValueAtTime(0.001, from + 0.7);
    note.connect(volume).connect(target);
    note.start(from);
    note.stop(from + 0.75);
  }
  try {
    await player.play();
    await new Promise((resolve) => setTimeout(resolve, testSoundSeconds * 1000));
  } finally {
    player.srcObject = null;
    await context.close();
  }
}
