import { MantineProvider } from '@mantine/core';
import { QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { useMemo, useState } from 'react';
import { Toasts } from './components/Toasts';
import { I18n } from './i18n/I18n';
import { queryClient } from './lib/queryClient';
import { router } from './router';
import { CallSchemeContext } from './theme/callScheme';
import { theme } from './theme/theme';
import { cssVariablesResolver } from './theme/variables';

/** Theme, texts and routes; dark while a call is on the screen. */
export function App() {
  const [dark, setDark] = useState(0);
  const callScheme = useMemo(() => {
    const add = (step: number) => {
      setDark((count) => count + step);
    };
    return { add };
  }, []);
  return (
    <MantineProvider
      theme={theme}
      cssVariablesResolver={cssVariablesResolver}
      defaultColorScheme="auto"
      {...(dark > 0 ? { forceColorScheme: 'dark' as const } : {})}
    >
      <I18n>
        <QueryClientProvider client={queryClient}>
          <CallSchemeContext value={callScheme}>
            <RouterProvider router={router} />
            <Toasts />
          </CallSchemeContext>
        </QueryClientProvider>
      </I18n>
    </MantineProvider>
  );
}
