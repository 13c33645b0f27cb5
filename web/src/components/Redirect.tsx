import { useRouter } from '@tanstack/react-router';
import { useEffect, useState } from 'react';

/**
 * Goes to another page of ours, once: while that loads the router's place has changed already, and whoever draws this
 * is drawn again, perhaps with another wish.
 */
export function Redirect({ to }: { to: string }) {
  const { history } = useRouter();
  const [path] = useState(to);
  useEffect(() => {
    history.replace(path);
  }, [history, path]);
  return null;
}
