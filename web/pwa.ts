import type { Plugin } from 'vite';
import { de } from './src/i18n/de.ts';
import { en } from './src/i18n/en.ts';
import { resolveTokens } from './src/theme/plain.ts';

const escape = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');

const section = (lang: string, texts: typeof en | typeof de) => `
    <main lang="${lang}" data-title="${escape(texts['offline.title'])} · Clapt"${lang === 'en' ? '' : ' hidden'}>
      <h1>${escape(texts['offline.title'])}</h1>
      <p>${escape(texts['offline.text'])}</p>
      <button type="button">${escape(texts['error.retry'])}</button>
    </main>`;

const variables = (scheme: 'light' | 'dark') => {
  const colors = resolveTokens(scheme);
  const names = ['bg', 'surface', 'border', 'text', 'text-2', 'accent', 'on-accent', 'ring'] as const;
  return names.map((name) => `--${name}: ${colors[name]};`).join(' ');
};

const offlinePage = () => `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <meta name="color-scheme" content="light dark" />
    <title>${escape(en['offline.title'])} · Clapt</title>
    <style>
      :root { ${variables('light')} }
      @media (prefers-color-scheme: dark) { :root { ${variables('dark')} } }
      body { display: grid; place-items: center; min-height: 100dvh; margin: 0; padding: 16px; box-sizing: border-box;
        background: var(--bg); color: var(--text); font: 14px/20px system-ui, sans-serif; }
      main { width: min(100%, 360px); padding: 32px 24px; border: 1px solid var(--border); border-radius: 12px;
        background: var(--surface); text-align: center; box-sizing: border-box; }
      main[hidden] { display: none; }
      h1 { margin: 0 0 8px; font: 600 16px/24px system-ui, sans-serif; }
      p { margin: 0 0 20px; color: var(--text-2); text-wrap: balance; }
      button { height: 44px; padding: 0 16px; border: 0; border-radius: 8px; background: var(--accent);
        color: var(--on-accent); font: inherit; font-weight: 600; cursor: pointer; }
      button:focus-visible { outline: 2px solid var(--ring); outline-offset: 2px; }
    </style>
    <script type="module" src="/offline.js"></script>
  </head>
  <body>${section('en', en)}${section('de', de)}
  </body>
</html>
`;

const icon = (size: number, purpose: string) => ({
  src: `/icon-${purpose === 'maskable' ? 'maskable-' : ''}${size}.png`,
  sizes: `${size}x${size}`,
  type: 'image/png',
  purpose,
});

const manifest = () => ({
  id: '/',
  name: 'Clapt',
  short_name: 'Clapt',
  description: en['app.description'],
  start_url: '/',
  display: 'standalone',
  background_color: resolveTokens('light').bg,
  theme_color: resolveTokens('light').surface,
  icons: [icon(192, 'any'), icon(512, 'any'), icon(512, 'maskable'), { src: '/favicon.svg', sizes: 'any', type: 'image/svg+xml' }],
});

/** Writes the page for when there is no network, and the manifest, from the same tokens and texts as the client. */
export function offlineAndManifest(): Plugin {
  return {
    name: 'offline-and-manifest',
    apply: 'build',
    generateBundle() {
      this.emitFile({ type: 'asset', fileName: 'offline.html', source: offlinePage() });
      this.emitFile({ type: 'asset', fileName: 'manifest.webmanifest', source: JSON.stringify(manifest(), null, 2) });
    },
  };
}
