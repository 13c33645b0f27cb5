import { Button, Select, Skeleton, TextInput } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { isSetupNeeded, setUp } from '../../api/accounts';
import { Door, DoorTitle } from '../../components/door/Door';
import classes from '../../components/door/Door.module.css';
import { FormNote, Note } from '../../components/FormNote';
import { LoadError } from '../../components/ListStates';
import { PasswordField } from '../../components/PasswordField';
import { TimeZoneSelect } from '../../components/TimeZoneSelect';
import { useLocale, useText } from '../../i18n/I18n';
import { pickLocale } from '../../i18n/locale';
import { browserTimeZone, checkEmail, checkName, checkNewPassword, lengthMax, passwordLengthMin, wrongOnes } from '../../lib/fields';
import { toast } from '../../lib/toasts';
import { useForm } from '../../lib/useForm';

const route = getRouteApi('/setup');
const firstStep = ['name', 'email', 'password'];

/** The first minutes of an instance: whoever has the link from its log becomes its owner. */
export function SetupPage() {
  const text = useText();
  const { token } = route.useSearch();
  const setup = useQuery({ queryKey: ['setup'], queryFn: isSetupNeeded });
  return (
    <Door title={text('setup.title')}>
      {setup.isPending && (
        <div className={classes.form} role="status" aria-busy="true" aria-label={text('app.loading')}>
          <Skeleton height={40} width="70%" />
          <Skeleton height={44} />
          <Skeleton height={44} />
        </div>
      )}
      {setup.isError && <LoadError error={setup.error} onRetry={() => void setup.refetch()} />}
      {setup.data === false && (
        <div className={classes.form} data-testid="setup-done">
          <DoorTitle title={text('setup.done.title')}>{text('setup.done.text')}</DoorTitle>
          <Button component={Link} to="/signin" fullWidth>
            {text('signin.submit')}
          </Button>
        </div>
      )}
      {setup.data === true && token === undefined && (
        <div className={classes.form}>
          <DoorTitle title={text('setup.title')}>{text('setup.noLink')}</DoorTitle>
          <Note kind="info">{text('setup.noLink.where')}</Note>
        </div>
      )}
      {setup.data === true && token !== undefined && <SetupForm token={token} />}
    </Door>
  );
}

/** Two steps: who the owner is, and where. */
function SetupForm({ token }: { token: string }) {
  const text = useText();
  const navigate = useNavigate();
  const client = useQueryClient();
  const { locale, setLocale } = useLocale();
  const [step, setStep] = useState<1 | 2>(1);
  const form = useForm({
    initial: { name: '', email: '', password: '', time_zone: browserTimeZone() },
    check: ({ name, email, password }) =>
      wrongOnes({ name: checkName(name), email: checkEmail(email), password: checkNewPassword(password) }),
    action: async ({ name, email, password, time_zone }) => {
      if (step === 1) {
        setStep(2);
        return;
      }
      await setUp({ token, name: name.trim(), email: email.trim(), password, locale, time_zone });
      toast({ kind: 'ok', title: text('setup.ready'), text: text('setup.ready.text') });
      await navigate({ to: '/', replace: true });
      client.setQueryData(['setup'], false);
    },
    onProblem: (problem) => {
      if (problem.fields.some(({ field }) => firstStep.includes(field))) setStep(1);
      if (problem.code === 'already-set-up') void client.invalidateQueries({ queryKey: ['setup'] });
      return false;
    },
  });
  return (
    <form {...form.formProps} className={classes.form} data-testid="setup-form">
      <DoorTitle title={text('setup.title')}>
        <span role="status">{text('setup.step', { step })}</span>
      </DoorTitle>
      <FormNote problem={form.problem} />
      {step === 1 ? (
        <>
          <TextInput {...form.field('name')} label={text('field.name')} description={text('field.name.hint')} autoComplete="name" maxLength={lengthMax.name} />
          <TextInput {...form.field('email')} label={text('field.email')} type="email" inputMode="email" autoComplete="username" maxLength={lengthMax.email} />
          <PasswordField
            {...form.field('password')}
            label={text('field.password')}
            description={text('field.password.hint', { count: passwordLengthMin })}
            autoComplete="new-password"
          />
        </>
      ) : (
        <>
          <Select
            label={text('field.locale')}
            data={[
              { value: 'en', label: 'English' },
              { value: 'de', label: 'Deutsch' },
            ]}
            value={locale}
            onChange={(value) => {
              if (value !== null) setLocale(pickLocale([value]));
            }}
          />
          <TimeZoneSelect {...form.choice('time_zone')} />
        </>
      )}
      <div className={classes.side}>
        <Button type="submit" fullWidth loading={form.busy} className={classes.submit ?? ''} data-testid="setup-submit">
          {text(step === 1 ? 'setup.next' : 'setup.submit')}
        </Button>
        {step === 2 && (
          <Button
            variant="subtle"
            fullWidth
            onClick={() => {
              setStep(1);
            }}
          >
            {text('setup.back')}
          </Button>
        )}
      </div>
    </form>
  );
}
