import { MantineProvider } from '@mantine/core';
import { RouterProvider } from '@tanstack/react-router';
import { useMemo, useState } from 'react';
import { I18n } from './i18n/I18n';
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
        <CallSchemeContext value={callScheme}>
          <RouterProvider router={router} />
        </CallSchemeContext>
      </I18n>
    </MantineProvider>
  );
}
