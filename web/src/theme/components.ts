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
};

const buttons: Record<string, Record<string, string>> = {
  filled: { '--button-bg': 'var(--accent)', '--button-hover': 'var(--accent-hover)', '--button-color': 'var(--on-accent)' },
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
    classNames: { label: classes.label, description: classes.description, error: classes.error },
  }),
  TextInput: TextInput.extend({ defaultProps: { withAsterisk: false } }),
  Select: Select.extend({
    defaultProps: { allowDeselect: false, comboboxProps: { offset: 4, transitionProps: { duration: 100 } } },
    classNames: { dropdown: classes.dropdown, option: classes.option },
  }),
  Popover: Popover.extend({
    defaultProps: { transitionProps: { duration: 100 } },
    classNames: { dropdown: classes.dropdown },
  }),
};
