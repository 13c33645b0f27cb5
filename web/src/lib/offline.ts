/** Lets the browser keep a page for when there is no network. Built files only: during development nothing is kept. */
export function registerOfflinePage(): void {
  if (!import.meta.env.PROD || !('serviceWorker' in navigator)) return;
  addEventListener('load', () => {
    navigator.serviceWorker.register('/sw.js').catch(() => {
      // Without it everything works as well, only not offline; private windows refuse it.
    });
  });
}
