import { Button, Modal, TextInput } from '@mantine/core';
import { disableTotp } from '../../api/accounts';
import classes from '../../components/Dialog.module.css';
import { FormNote } from '../../components/FormNote';
import { PasswordField } from '../../components/PasswordField';
import { useText } from '../../i18n/I18n';
import { checkCode, wrongOnes } from '../../lib/fields';
import { toast } from '../../lib/toasts';
import { useForm } from '../../lib/useForm';

/** Turns the second factor off, which takes the password and one more code. */
export function TwoFactorOff({ onClose }: { onClose: () => void }) {
  const text = useText();
  const form = useForm({
    initial: { password: '', code: '' },
    check: ({ password, code }) =>
      wrongOnes({ password: password === '' ? 'field.password.missing' : undefined, code: checkCode(code) }),
    action: async ({ password, code }) => {
      await disableTotp(password, code.replaceAll(/\s/g, ''));
      toast({ kind: 'info', title: text('twoFactor.isOff') });
      onClose();
    },
  });
  return (
    <Modal opened onClose={onClose}>
      <form {...form.formProps} className={classes.dialog} data-testid="two-factor-off">
        <Modal.Title>{text('twoFactor.off.title')}</Modal.Title>
        <p>{text('twoFactor.off.text')}</p>
        <FormNote problem={form.problem} />
        <PasswordField {...form.field('password')} label={text('field.password')} autoComplete="current-password" />
        <TextInput
          {...form.field('code')}
          label={text('field.code')}
          description={text('signin.code.recovery')}
          autoComplete="one-time-code"
          autoCapitalize="none"
          spellCheck={false}
          maxLength={32}
        />
        <div className={classes.actions}>
          <Button variant="default" onClick={onClose}>
            {text('twoFactor.off.keep')}
          </Button>
          <Button type="submit" variant="danger" loading={form.busy}>
            {text('security.twoFactor.turnOff')}
          </Button>
        </div>
      </form>
    </Modal>
  );
}
