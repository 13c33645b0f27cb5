/** Pages that make no sense as the place to go back to after signing in. */
const doors = ['/signin', '/signup', '/verify', '/forgot', '/reset', '/setup'];

/** Some origin that is certainly not ours. */
const elsewhere = 'https://elsewhere.invalid';

/**
 * Where to go after signing in: the path that was asked for if it is a page of ours, else the start.
 * It comes from the address bar, so it may be anything, addresses of other sites included.
 */
export function safeWayBack(back: string | undefined): string {
  if (!back?.startsWith('/')) return '/';
  let url: URL;
  try {
    url = new URL(back, elsewhere);
  } catch {
    return '/';
  }
  const isOurs = url.origin === elsewhere && !doors.some((door) => url.pathname.startsWith(door));
  return isOurs ? url.pathname + url.search + url.hash : '/';
}
