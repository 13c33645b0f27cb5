import { Button, TextInput } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { IconSearch, IconUsers } from '@tabler/icons-react';
import { keepPreviousData, useInfiniteQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { getPeople } from '../../api/accounts';
import { AppPage } from '../../components/AppPage';
import { Empty, LoadError, RowsSkeleton } from '../../components/ListStates';
import { Card } from '../../components/Surface';
import { useText } from '../../i18n/I18n';
import { useUser } from '../../session/session';
import { NotFoundPage } from '../NotFoundPage';
import { permissions } from '../../shell/navigation';
import classes from './People.module.css';
import { PersonRow } from './PersonRow';

export const peopleKey = ['people'];
const typingPauseMs = 250;

/** Everybody who has an account here: find, look, block, give roles. */
export function PeoplePage() {
  const user = useUser();
  if (!user?.permissions.includes(permissions.readUsers)) return <NotFoundPage />;
  return <People />;
}

function People() {
  const text = useText();
  const [typed, setTyped] = useState('');
  const [wanted] = useDebouncedValue(typed.trim(), typingPauseMs);
  const query = useInfiniteQuery({
    queryKey: [...peopleKey, wanted],
    queryFn: ({ pageParam }) => getPeople(wanted, pageParam),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    placeholderData: keepPreviousData,
  });
  const people = query.data?.pages.flatMap((page) => page.items) ?? [];
  const total = query.data?.pages[0]?.total ?? 0;
  return (
    <AppPage title={text('nav.people')} about={text('people.total', { count: total })}>
      <div className={classes.column}>
        <TextInput
          aria-label={text('people.search')}
          placeholder={text('people.search')}
          leftSection={<IconSearch size={20} stroke={1.75} aria-hidden="true" />}
          type="search"
          maxLength={100}
          value={typed}
          data-testid="people-search"
          onChange={(event) => {
            setTyped(event.currentTarget.value);
          }}
        />
        <p className="sr" role="status">
          {query.isSuccess && !query.isPlaceholderData && text('people.found', { count: total })}
        </p>
        {query.isPending && <RowsSkeleton rows={6} />}
        {query.isError && <LoadError error={query.error} onRetry={() => void query.refetch()} />}
        {query.isSuccess && people.length === 0 && (
          <Empty
            icon={IconUsers}
            title={text('people.none')}
            action={
              <Button
                variant="default"
                onClick={() => {
                  setTyped('');
                }}
              >
                {text('people.none.all')}
              </Button>
            }
          >
            {text('people.none.text', { query: wanted })}
          </Empty>
        )}
        {people.length > 0 && (
          <Card>
            <ul className={classes.list} aria-label={text('nav.people')} aria-busy={query.isPlaceholderData}>
              {people.map((person) => (
                <PersonRow key={person.id} person={person} />
              ))}
            </ul>
            <footer className={classes.foot}>
              <span className="num">{text('people.shown', { count: people.length, total })}</span>
              {query.hasNextPage && (
                <Button variant="subtle" loading={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
                  {text('people.more')}
                </Button>
              )}
            </footer>
          </Card>
        )}
      </div>
    </AppPage>
  );
}
