import { useEffect, useEffectEvent, useState } from 'react';

export interface ShortcutActions {
  mic: () => void;
  camera: () => void;
  share: () => void;
  chat: () => void;
  people: () => void;
  /** Opens the microphone while space is held, if it was muted. */
  talk: (on: boolean) => void;
  micOn: boolean;
}

/** Whether a key press belongs to what has the focus: a field, a menu, a dialog. */
const isTyping = (target: EventTarget | null): boolean =>
  target instanceof Element &&
  target.closest('input, textarea, select, [contenteditable="true"], [role="dialog"]') !== null;

const isPressable = (target: EventTarget | null): boolean =>
  target instanceof Element && target.closest('button, a, [role="button"], [role="tab"], [tabindex="0"]') !== null;

/** Keys M, V, S, C and P, and space to talk. Returns whether space is held to talk now. */
export function useShortcuts(actions: ShortcutActions): boolean {
  const [talking, setTalking] = useState(false);

  const press = useEffectEvent((event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
    if (event.code === 'Space') {
      if (isPressable(event.target)) return;
      event.preventDefault();
      if (event.repeat || actions.micOn || talking) return;
      setTalking(true);
      actions.talk(true);
      return;
    }
    if (event.repeat) return;
    const byKey: Record<string, (() => void) | undefined> = {
      m: actions.mic,
      v: actions.camera,
      s: actions.share,
      c: actions.chat,
      p: actions.people,
    };
    const action = byKey[event.key.toLowerCase()];
    if (!action) return;
    event.preventDefault();
    action();
  });

  const release = useEffectEvent((event: Event) => {
    if (!talking || (event instanceof KeyboardEvent && event.code !== 'Space')) return;
    setTalking(false);
    actions.talk(false);
  });

  useEffect(() => {
    const down = (event: KeyboardEvent) => {
      press(event);
    };
    const up = (event: Event) => {
      release(event);
    };
    window.addEventListener('keydown', down);
    window.addEventListener('keyup', up);
    window.addEventListener('blur', up);
    return () => {
      window.removeEventListener('keydown', down);
      window.removeEventListener('keyup', up);
      window.removeEventListener('blur', up);
    };
  }, []);

  return talking;
}
