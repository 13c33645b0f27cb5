import { Button, Select, Textarea, TextInput } from '@mantine/core';
import type { Profile, ProfileChange } from '../../api/types';
import { FormNote } from '../../components/FormNote';
import { LoadError, RowsSkeleton } from '../../components/ListStates';
import { Card } from '../../components/Surface';
import { useLocale, useText } from '../../i18n/I18n';
import { countries } from '../../lib/countries';
import { checkName, lengthMax, wrongOnes } from '../../lib/fields';
import { useForm } from '../../lib/useForm';
import { useUser } from '../../session/session';
import classes from './Settings.module.css';
import { useProfile } from './useProfile';

/** What others see of the person. */
export function ProfilePage() {
  const text = useText();
  const { query, save } = useProfile();
  return (
    <section className={classes.section} aria-labelledby="profile">
      <h2 id="profile">{text('settings.profile')}</h2>
      {query.isPending && <RowsSkeleton rows={4} />}
      {query.isError && <LoadError error={query.error} onRetry={() => void query.refetch()} />}
      {query.data && <ProfileForm profile={query.data.profile} save={save} />}
    </section>
  );
}

function ProfileForm({ profile, save }: { profile: Profile; save: (change: ProfileChange) => Promise<void> }) {
  const text = useText();
  const { locale } = useLocale();
  const email = useUser()?.email ?? '';
  const form = useForm({
    initial: { name: profile.name, about: profile.about, country: profile.country },
    check: ({ name }) => wrongOnes({ name: checkName(name) }),
    action: ({ name, about, country }) =>
      save({ name: name.trim(), about: about.trim(), country }),
  });
  return (
    <Card>
      <form {...form.formProps} className={classes.form} data-testid="profile-form">
        <FormNote problem={form.problem} />
        <TextInput {...form.field('name')} label={text('field.name')} description={text('field.name.hint')} autoComplete="name" maxLength={lengthMax.name} />
        <TextInput label={text('field.email')} value={email} readOnly description={text('profile.email.hint')} />
        <Textarea {...form.field('about')} label={text('field.about')} description={text('field.about.hint')} maxLength={lengthMax.about} maxRows={10} />
        <Select
          {...form.choice('country')}
          label={text('field.country')}
          data={[{ value: '', label: text('field.country.none') }, ...countries(locale)]}
          searchable
          nothingFoundMessage={text('field.nothingFound')}
        />
        <Button type="submit" loading={form.busy} className={classes.submit ?? ''} data-testid="profile-submit">
          {text('settings.save')}
        </Button>
      </form>
    </Card>
  );
}
