import { Button, TextInput } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { register } from '../../api/accounts';
import { Door, DoorTitle } from '../../components/door/Door';
import classes from '../../components/door/Door.module.css';
import { FormNote } from '../../components/FormNote';
import { PasswordField } from '../../components/PasswordField';
import { Redirect } from '../../components/Redirect';
import { useLocale, useText } from '../../i18n/I18n';
import { browserTimeZone, checkEmail, checkName, checkNewPassword, lengthMax, passwordLengthMin, wrongOnes } from '../../lib/fields';
import { useForm } from '../../lib/useForm';
import { useSession } from '../../session/session';
import { MailboxNote } from './MailboxNote';

/** Name, e-mail, password; the rest is asked for when it matters. */
export function SignUpPage() {
  const text = useText();
  const { locale } = useLocale();
  const state = useSession();
  const [sentTo, setSentTo] = useState<string>();
  const form = useForm({
    initial: { name: '', email: '', password: '' },
    check: ({ name, email, password }) =>
      wrongOnes({ name: checkName(name), email: checkEmail(email), password: checkNewPassword(password) }),
    action: async ({ name, email, password }) => {
      await register({ name: name.trim(), email: email.trim(), password, locale, time_zone: browserTimeZone() });
      setSentTo(email.trim());
    },
  });

  if (state.status === 'signed-in') return <Redirect to="/" />;
  if (sentTo !== undefined) {
    return (
      <MailboxNote title={text('signup.sent.title')} body={text('signup.sent.text', { email: sentTo })} hint={text('signup.sent.hint')} />
    );
  }
  return (
    <Door title={text('signup.title')}>
      <form {...form.formProps} className={classes.form} data-testid="signup-form">
        <DoorTitle title={text('signup.title')}>
          {text('signup.known')} <Link to="/signin">{text('signin.submit')}</Link>
        </DoorTitle>
        <FormNote problem={form.problem} />
        <TextInput {...form.field('name')} label={text('field.name')} description={text('field.name.hint')} autoComplete="name" maxLength={lengthMax.name} />
        <TextInput {...form.field('email')} label={text('field.email')} type="email" inputMode="email" autoComplete="username" maxLength={lengthMax.email} />
        <PasswordField
          {...form.field('password')}
          label={text('field.password')}
          description={text('field.password.hint', { count: passwordLengthMin })}
          autoComplete="new-password"
        />
        <Button type="submit" fullWidth loading={form.busy} className={classes.submit ?? ''} data-testid="signup-submit">
          {text('signup.submit')}
        </Button>
      </form>
    </Door>
  );
}
