import type { Translate } from '../../i18n/I18n';

/** The roles that every installation has, the mightiest first. */
export const builtInRoles = ['owner', 'admin', 'professional', 'client'] as const;

/** A role in words; those that an installation made itself have their own name. */
export function roleLabel(role: string, text: Translate): string {
  const known = builtInRoles.find((one) => one === role);
  return known === undefined ? role : text(`role.${known}`);
}
