import { Select, Switch } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useId } from 'react';
import { changePrivacy, getPrivacy } from '../../api/accounts';
import { problemOf } from '../../api/problem';
import type { Audience, Privacy } from '../../api/types';
import { LoadError, RowsSkeleton } from '../../components/ListStates';
import { Card, Row } from '../../components/Surface';
import { useText } from '../../i18n/I18n';
import { formProblem } from '../../lib/formProblem';
import { toast } from '../../lib/toasts';
import classes from './Settings.module.css';

const queryKey = ['privacy'];
const audiences: readonly Audience[] = ['everyone', 'contacts', 'nobody'];
const fields = ['last_seen', 'photo', 'about'] as const;

/** Who sees what; each choice holds at once, and goes back by itself if the server refuses it. */
export function PrivacyPage() {
  const text = useText();
  const client = useQueryClient();
  const query = useQuery({ queryKey, queryFn: getPrivacy });

  const change = async (part: Partial<Privacy>) => {
    const before = client.getQueryData<Privacy>(queryKey);
    if (!before) return;
    const after = { ...before, ...part };
    client.setQueryData(queryKey, after);
    try {
      await changePrivacy(after);
      toast({ kind: 'ok', title: text('settings.saved') });
    } catch (error) {
      client.setQueryData(queryKey, before);
      const { message } = formProblem(problemOf(error), []);
      toast({ kind: 'bad', title: text('settings.notSaved'), text: message && text(message) });
    }
  };

  return (
    <section className={classes.section} aria-labelledby="privacy">
      <h2 id="privacy">{text('settings.privacy')}</h2>
      {query.isPending && <RowsSkeleton rows={4} />}
      {query.isError && <LoadError error={query.error} onRetry={() => void query.refetch()} />}
      {query.data && (
        <Card rows>
          {fields.map((field) => (
            <AudienceRow key={field} field={field} value={query.data[field]} onChange={(value) => void change({ [field]: value })} />
          ))}
          <ReceiptsRow value={query.data.read_receipts} onChange={(value) => void change({ read_receipts: value })} />
        </Card>
      )}
    </section>
  );
}

function AudienceRow({ field, value, onChange }: { field: (typeof fields)[number]; value: Audience; onChange: (value: Audience) => void }) {
  const text = useText();
  const label = useId();
  return (
    <Row title={<span id={label}>{text(`privacy.${field}`)}</span>} about={text(`privacy.${field}.about`)}>
      <Select
        aria-labelledby={label}
        w={168}
        value={value}
        data={audiences.map((audience) => ({ value: audience, label: text(`privacy.${audience}`) }))}
        onChange={(chosen) => {
          const audience = audiences.find((one) => one === chosen);
          if (audience) onChange(audience);
        }}
      />
    </Row>
  );
}

function ReceiptsRow({ value, onChange }: { value: boolean; onChange: (value: boolean) => void }) {
  const text = useText();
  const label = useId();
  return (
    <Row title={<span id={label}>{text('privacy.receipts')}</span>} about={text('privacy.receipts.about')}>
      <Switch
        aria-labelledby={label}
        checked={value}
        data-testid="read-receipts"
        onChange={(event) => {
          onChange(event.currentTarget.checked);
        }}
      />
    </Row>
  );
}
