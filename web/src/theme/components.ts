import { ActionIcon, Button, Input, InputWrapper, Popover, Select, TextInput } from '@mantine/core';
import controls from './controls.module.css';

const classes = {
  button: controls.button ?? '',
  iconButton: controls.iconButton ?? '',
  input: controls.input ?? '',
  label: controls.label ?? '',
  description: controls.description ?? '',
  error: controls.error ?? '',
  dropdown: controls.dropdown ?? '',
  option: controls.option ?? '',
  item: controls.item ?? '',
  divider: controls.divider ?? '',
  dialog: controls.dialog ?? '',
  dialogBody: controls.dialogBody ?? '',
  overlay: controls.overlay ?? '',
};

/** Shared by what opens and closes; `respectReducedMotion` of the theme turns it off. */
const quick = { transitionProps: { duration: 100 } };

const buttons: Record<string, Record<string, string>> = {
  filled: { '--button-bg': 'var(--accent)', '--button-hover': 'var(--accent-hover)', '--button-color': 'var(--on-accent)' },
  light: { '--button-bg': 'var(--accent-soft)', '--button-hover': 'var(--accent-soft)', '--button-color': 'var(--on-accent-soft)' },
  danger: { '--button-bg': 'var(--danger)', '--button-hover': 'var(--danger-text)', '--button-color': 'var(--on-danger)' },
  'subtle-danger': { '--button-bg': 'transparent', '--button-hover': 'var(--hover)', '--button-color': 'var(--danger-text)' },
  subtle: { '--button-color': 'var(--accent-text)', '--button-hover': 'var(--hover)' },
};
const iconButton = { '--ai-color': 'var(--text-2)', '--ai-hover': 'var(--hover)', '--ai-hover-color': 'var(--text)' };

/** How Mantine's components look here; sizes come from `controls.module.css`. */
export const components = {
  Button: Button.extend({
    classNames: { root: classes.button },
    vars: (_theme, props) => ({ root: buttons[props.variant ?? 'filled'] ?? {} }),
  }),
  ActionIcon: ActionIcon.extend({
    defaultProps: { variant: 'subtle', color: 'gray' },
    classNames: { root: classes.iconButton },
    vars: () => ({ root: iconButton }),
  }),
  Input: Input.extend({ classNames: { input: classes.input } }),
  InputWrapper: InputWrapper.extend({
    defaultProps: { inputWrapperOrder: ['label', 'input', 'description', 'error'] },
    classNames: { label: classes.label, description: classes.description, error: classes.error },
  }),
  TextInput: TextInput.extend({ defaultProps: { withAsterisk: false } }),
  Select: Select.extend({
    defaultProps: { allowDeselect: false, comboboxProps: { offset: 4, transitionProps: { duration: 100 } } },
    classNames: { dropdown: classes.dropdown, option: classes.option },
  }),
  // By name only: these are loaded with the pages that use them.
  PasswordInput: { classNames: { input: classes.input, innerInput: controls.innerInput ?? '' } },
  Textarea: { defaultProps: { autosize: true, minRows: 3 }, classNames: { input: classes.input } },
  Menu: {
    // Inside of the landmark that it belongs to, and without an element that only takes the focus.
    defaultProps: { ...quick, position: 'bottom-end', offset: 4, withinPortal: false, withInitialFocusPlaceholder: false },
    classNames: { dropdown: classes.dropdown, item: classes.item, divider: classes.divider },
  },
  Modal: {
    defaultProps: { ...quick, centered: true, withCloseButton: false, padding: 0, radius: 'xl', size: 448 },
    classNames: { content: classes.dialog, body: classes.dialogBody, overlay: classes.overlay },
  },
  Switch: {
    defaultProps: { withThumbIndicator: false },
    classNames: { track: controls.switchTrack ?? '', thumb: controls.switchThumb ?? '', input: controls.switchInput ?? '' },
  },
  SegmentedControl: {
    classNames: { root: controls.segments ?? '', indicator: controls.segment ?? '', label: controls.segmentLabel ?? '' },
  },
  Skeleton: { classNames: { root: controls.skeleton ?? '' } },
  Popover: Popover.extend({
    defaultProps: { transitionProps: { duration: 100 } },
    classNames: { dropdown: classes.dropdown },
  }),
};
