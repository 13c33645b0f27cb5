import { Button, Modal } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { changePassword } from '../../api/accounts';
import classes from '../../components/Dialog.module.css';
import { FormNote } from '../../components/FormNote';
import { PasswordField } from '../../components/PasswordField';
import { useText } from '../../i18n/I18n';
import { checkNewPassword, passwordLengthMin, wrongOnes } from '../../lib/fields';
import { toast } from '../../lib/toasts';
import { useForm } from '../../lib/useForm';
import { devicesKey } from './DeviceList';

/** Changes the password; everything else that is signed in has to sign in again. */
export function PasswordDialog({ onClose }: { onClose: () => void }) {
  const text = useText();
  const client = useQueryClient();
  const form = useForm({
    initial: { current: '', new: '' },
    check: (values) =>
      wrongOnes({ current: values.current === '' ? 'field.password.missing' : undefined, new: checkNewPassword(values.new) }),
    action: async (values) => {
      await changePassword(values.current, values.new);
      toast({ kind: 'ok', title: text('security.password.changed'), text: text('security.password.changed.text') });
      onClose();
      await client.invalidateQueries({ queryKey: devicesKey });
    },
  });
  return (
    <Modal opened onClose={onClose}>
      <form {...form.formProps} className={classes.dialog} data-testid="password-form">
        <Modal.Title>{text('security.password.title')}</Modal.Title>
        <p>{text('security.password.effect')}</p>
        <FormNote problem={form.problem} />
        <PasswordField {...form.field('current')} label={text('field.password.current')} autoComplete="current-password" />
        <PasswordField
          {...form.field('new')}
          label={text('field.password.new')}
          description={text('field.password.hint', { count: passwordLengthMin })}
          autoComplete="new-password"
        />
        <div className={classes.actions}>
          <Button variant="default" onClick={onClose}>
            {text('dialog.cancel')}
          </Button>
          <Button type="submit" loading={form.busy}>
            {text('security.password.submit')}
          </Button>
        </div>
      </form>
    </Modal>
  );
}
