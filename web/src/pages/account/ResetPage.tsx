import { Button } from '@mantine/core';
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router';
import { resetPassword } from '../../api/accounts';
import { Door, DoorTitle } from '../../components/door/Door';
import classes from '../../components/door/Door.module.css';
import { FormNote, Note } from '../../components/FormNote';
import { PasswordField } from '../../components/PasswordField';
import { useText } from '../../i18n/I18n';
import { checkNewPassword, passwordLengthMin, wrongOnes } from '../../lib/fields';
import { toast } from '../../lib/toasts';
import { useForm } from '../../lib/useForm';
import { session } from '../../session/session';

const route = getRouteApi('/reset');

/** Sets a new password with the link of a mail. Ends every session, this browser's too. */
export function ResetPage() {
  const text = useText();
  const navigate = useNavigate();
  const { token } = route.useSearch();
  const form = useForm({
    initial: { password: '' },
    check: ({ password }) => wrongOnes({ password: checkNewPassword(password) }),
    action: async ({ password }) => {
      await resetPassword(token ?? '', password);
      session.leave();
      toast({ kind: 'ok', title: text('reset.done'), text: text('reset.done.text') });
      await navigate({ to: '/signin', replace: true });
    },
  });
  const again = <Link to="/forgot">{text('reset.again')}</Link>;
  return (
    <Door title={text('reset.title')}>
      <form {...form.formProps} className={classes.form} data-testid="reset-form">
        <DoorTitle title={text('reset.title')}>{text('reset.text')}</DoorTitle>
        {token === undefined && (
          <Note kind="bad">
            {text('problem.link-invalid')} {again}
          </Note>
        )}
        <FormNote problem={form.problem} more={form.problem?.message === 'problem.link-invalid' ? again : undefined} />
        <PasswordField
          {...form.field('password')}
          label={text('field.password.new')}
          description={text('field.password.hint', { count: passwordLengthMin })}
          autoComplete="new-password"
        />
        <Button type="submit" fullWidth disabled={token === undefined} loading={form.busy} className={classes.submit ?? ''} data-testid="reset-submit">
          {text('reset.submit')}
        </Button>
      </form>
    </Door>
  );
}
