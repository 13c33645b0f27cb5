import { createTheme, rem, type MantineColorsTuple } from '@mantine/core';
import { components } from './components';
import * as tokens from './tokens';

const px = (scale: Record<string, number>) =>
  Object.fromEntries(Object.entries(scale).map(([key, value]) => [key, rem(value)]));

const heading = (step: { size: number; line: number }) => ({
  fontSize: rem(step.size),
  lineHeight: String(step.line / step.size),
});

const scales = Object.fromEntries(
  Object.entries(tokens.colors).map(([name, scale]) => [name, [...scale] as unknown as MantineColorsTuple]),
);

/** Mantine's theme, built from the design tokens alone. */
export const theme = createTheme({
  components,
  colors: scales,
  primaryColor: 'accent',
  primaryShade: { light: 7, dark: 4 },
  autoContrast: true,
  luminanceThreshold: 0.3,
  white: tokens.white,
  black: tokens.black,
  defaultRadius: 'md',
  cursorType: 'pointer',
  respectReducedMotion: true,
  fontFamily: tokens.fontFamily,
  fontFamilyMonospace: tokens.fontFamilyMonospace,
  radius: px(tokens.radius),
  spacing: px(tokens.spacing),
  breakpoints: tokens.breakpoints,
  fontSizes: { xs: rem(12), sm: rem(14), md: rem(16), lg: rem(18), xl: rem(20) },
  lineHeights: { xs: '1.3333', sm: '1.4286', md: '1.5', lg: '1.5556', xl: '1.4' },
  headings: {
    fontWeight: '600',
    sizes: {
      h1: heading(tokens.type.h1),
      h2: heading(tokens.type.h2),
      h3: heading(tokens.type.h3),
      h4: heading(tokens.type.h4),
    },
  },
});
