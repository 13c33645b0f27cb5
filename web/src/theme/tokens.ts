/** Design tokens: the one place where colours, radii, spacing and type are given as numbers. */

type Scale = readonly [string, string, string, string, string, string, string, string, string, string];

/** Colour scales of ten steps, 0 lightest. */
export const colors = {
  accent: ['#f0fafc', '#dcf4f8', '#b9e9f0', '#92dae5', '#61c7d6', '#2eaebe', '#048f9e', '#05707c', '#035b65', '#014149'],
  gray: ['#f8fafc', '#f1f4f6', '#e5eaec', '#d7dee0', '#b7bfc3', '#848e93', '#616d71', '#48555a', '#2c383c', '#162024'],
  dark: ['#e9eef0', '#c8cfd2', '#a3adb1', '#747f84', '#374348', '#2b363b', '#202a2e', '#161f23', '#0e161a', '#070e11'],
  success: ['#f1fbf3', '#dff5e4', '#c1ebcb', '#9fdeaf', '#76cc8f', '#50b371', '#339456', '#1f7540', '#175f33', '#104424'],
  warn: ['#fef6ee', '#fdebd7', '#fad9b0', '#f3c286', '#e7a853', '#d08b1d', '#ad7000', '#885701', '#6e4601', '#503200'],
  danger: ['#fff5f4', '#ffe8e6', '#ffd2ce', '#ffb7b1', '#fe938d', '#f96360', '#d54647', '#ab3133', '#8c2628', '#661b1c'],
  info: ['#f3f8ff', '#e5efff', '#cce0fe', '#aecefe', '#88b8fd', '#5d9bf7', '#437ed4', '#3062ab', '#254f8b', '#1a3966'],
} as const satisfies Record<string, Scale>;

export const white = '#ffffff';
export const black = '#162024';

/** What a colour is for; values are `scale.step`, `white` or a literal with alpha. */
export const roles = {
  light: {
    bg: 'gray.0',
    surface: 'white',
    sunken: 'gray.1',
    hover: 'gray.1',
    border: 'gray.2',
    'border-strong': 'gray.3',
    'border-input': 'gray.5',
    text: 'gray.9',
    'text-2': 'gray.7',
    'text-3': 'gray.6',
    accent: 'accent.7',
    'accent-hover': 'accent.8',
    'on-accent': 'white',
    'accent-text': 'accent.7',
    'accent-soft': 'accent.1',
    'on-accent-soft': 'accent.8',
    ring: 'accent.6',
    success: 'success.7',
    'success-text': 'success.7',
    'success-soft': 'success.1',
    'on-success-soft': 'success.8',
    'on-success': 'white',
    warn: 'warn.7',
    'warn-text': 'warn.7',
    'warn-soft': 'warn.1',
    'on-warn-soft': 'warn.8',
    'on-warn': 'white',
    danger: 'danger.7',
    'danger-text': 'danger.7',
    'danger-soft': 'danger.1',
    'on-danger-soft': 'danger.8',
    'on-danger': 'white',
    info: 'info.7',
    'info-text': 'info.7',
    'info-soft': 'info.1',
    'on-info-soft': 'info.8',
    'on-info': 'white',
    overlay: 'rgba(12,20,25,.48)',
  },
  dark: {
    bg: 'dark.8',
    surface: 'dark.7',
    sunken: 'dark.9',
    hover: 'dark.6',
    border: 'dark.5',
    'border-strong': 'dark.4',
    'border-input': 'dark.3',
    text: 'dark.0',
    'text-2': 'dark.1',
    'text-3': 'dark.2',
    accent: 'accent.4',
    'accent-hover': 'accent.3',
    'on-accent': 'dark.9',
    'accent-text': 'accent.4',
    'accent-soft': 'accent.9',
    'on-accent-soft': 'accent.1',
    ring: 'accent.4',
    success: 'success.4',
    'success-text': 'success.4',
    'success-soft': 'success.9',
    'on-success-soft': 'success.1',
    'on-success': 'dark.9',
    warn: 'warn.4',
    'warn-text': 'warn.4',
    'warn-soft': 'warn.9',
    'on-warn-soft': 'warn.1',
    'on-warn': 'dark.9',
    danger: 'danger.4',
    'danger-text': 'danger.4',
    'danger-soft': 'danger.9',
    'on-danger-soft': 'danger.1',
    'on-danger': 'dark.9',
    info: 'info.4',
    'info-text': 'info.4',
    'info-soft': 'info.9',
    'on-info-soft': 'info.1',
    'on-info': 'dark.9',
    overlay: 'rgba(4,8,10,.64)',
  },
  call: {
    'call-bg': 'dark.9',
    'call-surface': 'dark.8',
    'call-raised': 'dark.6',
    'call-hover': 'dark.5',
    'call-border': 'dark.5',
    'call-text': 'dark.0',
    'call-text-2': 'dark.1',
    'call-text-3': 'dark.2',
    'call-ring': 'accent.4',
    'call-off': 'danger.8',
    'on-call-off': 'danger.0',
    'call-leave': 'danger.7',
    'on-call-leave': 'white',
    'call-warn': 'warn.4',
    'call-rec': 'danger.5',
    'call-tag': 'rgba(7,14,17,.78)',
  },
} as const;

/** In px. */
export const radius = { xs: 4, sm: 6, md: 8, lg: 12, xl: 16, full: 999 } as const;

/** In px. */
export const spacing = { xxs: 4, xs: 8, sm: 12, md: 16, lg: 24, xl: 32, xxl: 48 } as const;

export const breakpoints = { xs: '30em', sm: '40em', md: '64em', lg: '80em', xl: '100em' } as const;

export const fontFamily =
  '-apple-system, BlinkMacSystemFont, "Segoe UI", Roboto, "Noto Sans", Ubuntu, "Helvetica Neue", Arial, sans-serif';

export const fontFamilyMonospace =
  'ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace';

/** Size and line height in px. */
export const type = {
  xs: { size: 12, line: 16 },
  sm: { size: 14, line: 20 },
  md: { size: 16, line: 24 },
  lg: { size: 18, line: 28 },
  h4: { size: 16, line: 24 },
  h3: { size: 20, line: 28 },
  h2: { size: 24, line: 32 },
  h1: { size: 32, line: 40 },
} as const;

export const shadow = {
  light: {
    xs: '0 1px 2px rgba(12,24,30,.06)',
    sm: '0 1px 2px rgba(12,24,30,.06), 0 2px 8px rgba(12,24,30,.05)',
    md: '0 2px 4px rgba(12,24,30,.05), 0 8px 24px rgba(12,24,30,.08)',
    lg: '0 4px 8px rgba(12,24,30,.06), 0 16px 48px rgba(12,24,30,.14)',
  },
  dark: {
    xs: 'none',
    sm: '0 1px 2px rgba(0,0,0,.4)',
    md: '0 8px 24px rgba(0,0,0,.4)',
    lg: '0 16px 48px rgba(0,0,0,.56)',
  },
} as const;

export const motion = { fast: '100ms', base: '160ms', slow: '200ms', ease: 'cubic-bezier(.2,0,0,1)' } as const;
