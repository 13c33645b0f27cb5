import '@mantine/core/styles.css';
import './theme/base.css';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './App';
import { registerOfflinePage } from './lib/offline';
import { startSession } from './session/session';

const container = document.getElementById('root');
if (!container) throw new Error('index.html has no element with the id root');
startSession();
registerOfflinePage();
createRoot(container).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
