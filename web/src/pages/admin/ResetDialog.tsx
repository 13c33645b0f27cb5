import { mailPasswordReset } from '../../api/accounts';
import { ConfirmDialog } from '../../components/ConfirmDialog';
import { useText } from '../../i18n/I18n';
import type { PersonDialogProps } from './BlockDialog';

/** Asks before somebody has to set a new password. */
export function ResetDialog({ person, onDone, onClose }: PersonDialogProps) {
  const text = useText();
  return (
    <ConfirmDialog
      title={text('people.reset.title', { name: person.name })}
      losses={[text('people.reset.sessions')]}
      keeps={[text('people.reset.mail', { email: person.email })]}
      confirm={text('people.reset.confirm')}
      cancel={text('dialog.cancel')}
      onConfirm={async () => {
        await mailPasswordReset(person.id);
        await onDone(text('people.reset.done', { name: person.name }));
      }}
      onClose={onClose}
    />
  );
}
