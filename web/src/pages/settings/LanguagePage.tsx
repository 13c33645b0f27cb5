import { Button, Select, SegmentedControl, useMantineColorScheme } from '@mantine/core';
import { useId } from 'react';
import type { Profile, ProfileChange } from '../../api/types';
import { FormNote } from '../../components/FormNote';
import { LoadError, RowsSkeleton } from '../../components/ListStates';
import { Card, Row } from '../../components/Surface';
import { TimeZoneSelect } from '../../components/TimeZoneSelect';
import { useText } from '../../i18n/I18n';
import { useForm } from '../../lib/useForm';
import classes from './Settings.module.css';
import { useProfile } from './useProfile';

/** How texts and times are written, and in which colours. */
export function LanguagePage() {
  const text = useText();
  const { query, save } = useProfile();
  const theme = useId();
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  return (
    <section className={classes.section} aria-labelledby="language">
      <h2 id="language">{text('settings.language')}</h2>
      {query.isPending && <RowsSkeleton rows={2} />}
      {query.isError && <LoadError error={query.error} onRetry={() => void query.refetch()} />}
      {query.data && <LanguageForm profile={query.data.profile} save={save} />}
      <Card>
        <Row title={<span id={theme}>{text('theme.label')}</span>} about={text('theme.about')}>
          <SegmentedControl
            aria-labelledby={theme}
            value={colorScheme}
            onChange={(value) => {
              setColorScheme(value);
            }}
            data={[
              { value: 'auto', label: text('theme.auto') },
              { value: 'light', label: text('theme.light') },
              { value: 'dark', label: text('theme.dark') },
            ]}
          />
        </Row>
      </Card>
    </section>
  );
}

function LanguageForm({ profile, save }: { profile: Profile; save: (change: ProfileChange) => Promise<void> }) {
  const text = useText();
  const form = useForm({
    initial: { locale: profile.locale, time_zone: profile.time_zone },
    check: () => ({}),
    action: (values) => save(values),
  });
  return (
    <Card>
      <form {...form.formProps} className={classes.form} data-testid="language-form">
        <FormNote problem={form.problem} />
        <Select
          {...form.choice('locale')}
          label={text('field.locale')}
          description={text('field.locale.hint')}
          data={[
            { value: 'en', label: 'English' },
            { value: 'de', label: 'Deutsch' },
          ]}
        />
        <TimeZoneSelect {...form.choice('time_zone')} />
        <Button type="submit" loading={form.busy} className={classes.submit ?? ''}>
          {text('settings.save')}
        </Button>
      </form>
    </Card>
  );
}
