import { Button } from '@mantine/core';
import { IconMail, IconRefresh } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useIntl } from 'react-intl';
import { getDevMails } from '../../api/accounts';
import type { DevMail } from '../../api/types';
import { Empty, LoadError, RowsSkeleton } from '../../components/ListStates';
import { Card } from '../../components/Surface';
import { useText } from '../../i18n/I18n';
import { splitLinks, underSameName } from '../../lib/links';
import classes from './Dev.module.css';

/** Mails that were written and not sent, the newest open. */
export function Outbox() {
  const text = useText();
  const query = useQuery({ queryKey: ['dev-mails'], queryFn: getDevMails, staleTime: 0 });
  return (
    <>
      <div className={classes.line}>
        <h2 id="outbox">{text('dev.outbox')}</h2>
        <Button variant="subtle" loading={query.isFetching} onClick={() => void query.refetch()} leftSection={<IconRefresh size={18} aria-hidden="true" />}>
          {text('dev.outbox.refresh')}
        </Button>
      </div>
      {query.isPending && <RowsSkeleton />}
      {query.isError && <LoadError error={query.error} onRetry={() => void query.refetch()} />}
      {query.data?.length === 0 && (
        <Empty icon={IconMail} title={text('dev.outbox.empty')}>
          {text('dev.outbox.empty.text')}
        </Empty>
      )}
      {query.data !== undefined && query.data.length > 0 && (
        <Card rows>
          {query.data.map((mail, index) => (
            <Mail key={mail.id} mail={mail} open={index === 0} />
          ))}
        </Card>
      )}
    </>
  );
}

function Mail({ mail, open }: { mail: DevMail; open: boolean }) {
  const intl = useIntl();
  return (
    <details className={classes.mail} open={open} data-testid="mail">
      <summary>
        <span>
          <b>{mail.subject}</b>
          <small>{mail.to}</small>
        </span>
        <small>
          <time dateTime={mail.created_at}>{intl.formatTime(mail.created_at, { timeStyle: 'medium' })}</time>
        </small>
      </summary>
      <p className={classes.body}>
        {splitLinks(mail.text).map(({ text, href }, index) =>
          href === undefined ? (
            text
          ) : (
            <a key={index} href={underSameName(href, location)}>
              {text}
            </a>
          ),
        )}
      </p>
    </details>
  );
}
