import { Button, TextInput } from '@mantine/core';
import { getRouteApi, Link } from '@tanstack/react-router';
import { useState } from 'react';
import { login } from '../../api/accounts';
import { Door, DoorTitle } from '../../components/door/Door';
import classes from '../../components/door/Door.module.css';
import { FormNote, Note } from '../../components/FormNote';
import { PasswordField } from '../../components/PasswordField';
import { Redirect } from '../../components/Redirect';
import { useText } from '../../i18n/I18n';
import { checkCode, checkEmail, lengthMax, wrongOnes } from '../../lib/fields';
import { useForm } from '../../lib/useForm';
import { safeWayBack } from '../../lib/wayBack';
import type { EndReason } from '../../session/machine';
import { useSession } from '../../session/session';

const route = getRouteApi('/signin');

/** E-mail and password; then the code of the second factor, where there is one. */
export function SignInPage() {
  const text = useText();
  const { back } = route.useSearch();
  const state = useSession();
  const [needsCode, setNeedsCode] = useState(false);
  const form = useForm({
    initial: { email: '', password: '', code: '' },
    check: ({ email, password, code }) =>
      wrongOnes({
        email: checkEmail(email),
        password: password === '' ? 'field.password.missing' : undefined,
        code: needsCode ? checkCode(code) : undefined,
      }),
    action: ({ email, password, code }) =>
      login({ email: email.trim(), password, ...(needsCode ? { code: code.replaceAll(/\s/g, '') } : {}) }),
    onProblem: ({ code }) => {
      if (code !== 'second-factor-required') return false;
      setNeedsCode(true);
      return true;
    },
  });

  if (state.status === 'signed-in') return <Redirect to={safeWayBack(back)} />;
  const title = text(needsCode ? 'signin.code.title' : 'signin.title');
  return (
    <Door title={title}>
      <form {...form.formProps} className={classes.form} data-testid="signin-form">
        <DoorTitle title={title}>
          {needsCode ? (
            text('signin.code.text')
          ) : (
            <>
              {text('signin.new')} <Link to="/signup">{text('signin.signup')}</Link>
            </>
          )}
        </DoorTitle>
        {state.status === 'signed-out' && !form.problem && <EndNote reason={state.reason} />}
        <FormNote problem={form.problem} />
        {needsCode ? (
          <TextInput
            {...form.field('code')}
            label={text('field.code')}
            description={text('signin.code.recovery')}
            autoComplete="one-time-code"
            autoCapitalize="none"
            spellCheck={false}
            maxLength={32}
            data-autofocus
            ref={focusOnce}
          />
        ) : (
          <>
            <TextInput
              {...form.field('email')}
              label={text('field.email')}
              type="email"
              autoComplete="username"
              inputMode="email"
              maxLength={lengthMax.email}
            />
            <PasswordField
              {...form.field('password')}
              label={text('field.password')}
              autoComplete="current-password"
              aside={<Link to="/forgot">{text('signin.forgot')}</Link>}
            />
          </>
        )}
        <div className={classes.side}>
          <Button type="submit" fullWidth loading={form.busy} className={classes.submit ?? ''} data-testid="signin-submit">
            {text('signin.submit')}
          </Button>
          {needsCode && (
            <Button
              variant="subtle"
              onClick={() => {
                setNeedsCode(false);
              }}
            >
              {text('signin.code.back')}
            </Button>
          )}
        </div>
      </form>
    </Door>
  );
}

/** The field appears because of what the person did, so the focus goes along. */
function focusOnce(input: HTMLInputElement | null): void {
  input?.focus();
}

/** Why somebody who was signed in has to do it again. */
function EndNote({ reason }: { reason: EndReason }) {
  const text = useText();
  if (reason === 'ended') return <Note kind="info">{text('signin.ended')}</Note>;
  if (reason === 'revoked') return <Note kind="warn">{text('signin.revoked')}</Note>;
  return null;
}
