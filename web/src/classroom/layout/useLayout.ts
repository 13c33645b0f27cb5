import { useState } from 'react';
import type { Layout } from '../header/CallHeader';

/**
 * The layout that the person chose, except that a new shared screen opens the speaker view and
 * the end of sharing brings the old one back.
 */
export function useLayout(sharing: boolean): [Layout, (layout: Layout) => void] {
  const [chosen, setChosen] = useState<Layout>('grid');
  const [whileSharing, setWhileSharing] = useState<Layout>('speaker');
  const [wasSharing, setWasSharing] = useState(sharing);
  if (wasSharing !== sharing) {
    setWasSharing(sharing);
    if (sharing) setWhileSharing('speaker');
  }
  return sharing ? [whileSharing, setWhileSharing] : [chosen, setChosen];
}
