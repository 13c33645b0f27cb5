import { Button, TextInput } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { forgotPassword } from '../../api/accounts';
import { Door, DoorTitle } from '../../components/door/Door';
import classes from '../../components/door/Door.module.css';
import { FormNote } from '../../components/FormNote';
import { useText } from '../../i18n/I18n';
import { checkEmail, lengthMax, wrongOnes } from '../../lib/fields';
import { useForm } from '../../lib/useForm';
import { MailboxNote } from './MailboxNote';

/** Asks for a mail with a link to set a new password. Says the same whether there is an account or not. */
export function ForgotPage() {
  const text = useText();
  const [sentTo, setSentTo] = useState<string>();
  const form = useForm({
    initial: { email: '' },
    check: ({ email }) => wrongOnes({ email: checkEmail(email) }),
    action: async ({ email }) => {
      await forgotPassword(email.trim());
      setSentTo(email.trim());
    },
  });
  if (sentTo !== undefined) {
    return (
      <MailboxNote title={text('forgot.sent.title')} body={text('forgot.sent.text', { email: sentTo })} hint={text('forgot.sent.hint')} />
    );
  }
  return (
    <Door title={text('forgot.title')}>
      <form {...form.formProps} className={classes.form} data-testid="forgot-form">
        <DoorTitle title={text('forgot.title')}>{text('forgot.text')}</DoorTitle>
        <FormNote problem={form.problem} />
        <TextInput {...form.field('email')} label={text('field.email')} type="email" inputMode="email" autoComplete="username" maxLength={lengthMax.email} />
        <div className={classes.side}>
          <Button type="submit" fullWidth loading={form.busy} className={classes.submit ?? ''} data-testid="forgot-submit">
            {text('forgot.submit')}
          </Button>
          <Button component={Link} to="/signin" variant="subtle" fullWidth>
            {text('forgot.back')}
          </Button>
        </div>
      </form>
    </Door>
  );
}
