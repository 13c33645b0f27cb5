import { useSyncExternalStore } from 'react';

export interface Toast {
  id: number;
  kind: 'ok' | 'bad' | 'info';
  title: string;
  text?: string | undefined;
  action?: { label: string; run: () => void } | undefined;
}

/** More would cover the page; the oldest goes first. */
export const toastsMax = 3;

let toasts: readonly Toast[] = [];
let lastId = 0;
const listeners = new Set<() => void>();

function set(next: readonly Toast[]): void {
  toasts = next;
  for (const listener of listeners) listener();
}

/** Says something that needs no answer, in the corner. */
export function toast(content: Omit<Toast, 'id'>): void {
  lastId += 1;
  set([...toasts, { ...content, id: lastId }].slice(-toastsMax));
}

export function dismissToast(id: number): void {
  set(toasts.filter((one) => one.id !== id));
}

const subscribe = (listener: () => void) => {
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
  };
};
export const readToasts = (): readonly Toast[] => toasts;
export const useToasts = (): readonly Toast[] => useSyncExternalStore(subscribe, readToasts);
