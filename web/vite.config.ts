import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';
import { firstRouteBudget } from './budget.ts';
import { offlineAndManifest } from './pwa.ts';

/** Where `npm run dev` finds a server that runs in development mode. */
const server = 'http://127.0.0.1:7880';

export default defineConfig({
  plugins: [react(), firstRouteBudget(250_000), offlineAndManifest()],
  build: { target: 'es2022', sourcemap: true, chunkSizeWarningLimit: 700 },
  server: {
    proxy: {
      '/api': server,
      '/livez': server,
      '/rtc': { target: server, ws: true },
    },
  },
  test: { include: ['src/**/*.test.ts'], environment: 'node' },
});
