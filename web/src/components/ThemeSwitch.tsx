import { ActionIcon, useMantineColorScheme, type MantineColorScheme } from '@mantine/core';
import { IconDeviceDesktop, IconMoon, IconSun } from '@tabler/icons-react';
import { useText } from '../i18n/I18n';

const next: Record<MantineColorScheme, MantineColorScheme> = { auto: 'light', light: 'dark', dark: 'auto' };
const icons = { auto: IconDeviceDesktop, light: IconSun, dark: IconMoon };

/** Steps through the colours of the system, light and dark. */
export function ThemeSwitch() {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const text = useText();
  const Icon = icons[colorScheme];
  const label = text(`app.theme.${colorScheme}`);
  return (
    <ActionIcon
      aria-label={label}
      title={label}
      onClick={() => {
        setColorScheme(next[colorScheme]);
      }}
    >
      <Icon size={20} stroke={1.75} />
    </ActionIcon>
  );
}
