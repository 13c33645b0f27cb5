import type { CSSVariablesResolver } from '@mantine/core';
import * as tokens from './tokens';

type Roles = Record<string, string>;

/** `gray.7` → the CSS variable of that step; `white` and literals pass through. */
export function resolveColor(value: string): string {
  const step = /^([a-z]+)\.(\d)$/.exec(value);
  if (step) return `var(--mantine-color-${String(step[1])}-${String(step[2])})`;
  return value === 'white' ? 'var(--mantine-color-white)' : value;
}

const colorVariables = (roles: Roles): Roles =>
  Object.fromEntries(Object.entries(roles).map(([name, value]) => [`--${name}`, resolveColor(value)]));

const shadowVariables = (shadows: Roles): Roles =>
  Object.fromEntries(
    Object.entries(shadows).flatMap(([name, value]) => [
      [`--shadow-${name}`, value],
      [`--mantine-shadow-${name}`, value],
    ]),
  );

/** What Mantine's own components read, pointed at our roles. */
const mantineBridge: Roles = {
  '--mantine-color-body': 'var(--bg)',
  '--mantine-color-text': 'var(--text)',
  '--mantine-color-dimmed': 'var(--text-2)',
  '--mantine-color-placeholder': 'var(--text-3)',
  '--mantine-color-default': 'var(--surface)',
  '--mantine-color-default-hover': 'var(--hover)',
  '--mantine-color-default-color': 'var(--text)',
  '--mantine-color-default-border': 'var(--border-strong)',
  '--mantine-color-anchor': 'var(--accent-text)',
  '--mantine-color-error': 'var(--danger-text)',
  '--mantine-primary-color-filled': 'var(--accent)',
  '--mantine-primary-color-filled-hover': 'var(--accent-hover)',
};

const space = Object.fromEntries(Object.entries(tokens.spacing).map(([key, value]) => [`--s-${key}`, `${value}px`]));
const radii = Object.fromEntries(Object.entries(tokens.radius).map(([key, value]) => [`--r-${key}`, `${value}px`]));
const motion = Object.fromEntries(Object.entries(tokens.motion).map(([key, value]) => [`--${key}`, value]));
const fonts = Object.fromEntries(
  Object.entries(tokens.type).map(([key, value]) => [
    `--t-${key}`,
    `${value.size / 16}rem/${value.line / 16}rem var(--mantine-font-family)`,
  ]),
);

/** Publishes every token as a CSS variable, once per colour scheme. */
export const cssVariablesResolver: CSSVariablesResolver = () => ({
  variables: { ...space, ...radii, ...motion, ...fonts, ...colorVariables(tokens.roles.call) },
  light: { ...colorVariables(tokens.roles.light), ...shadowVariables(tokens.shadow.light), ...mantineBridge },
  dark: { ...colorVariables(tokens.roles.dark), ...shadowVariables(tokens.shadow.dark), ...mantineBridge },
});
