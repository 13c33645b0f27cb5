import { Button, Skeleton } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { verifyEmail } from '../../api/accounts';
import { problemOf } from '../../api/problem';
import { Door, DoorTitle } from '../../components/door/Door';
import classes from '../../components/door/Door.module.css';
import { FormNote, Note } from '../../components/FormNote';
import { useText } from '../../i18n/I18n';
import { formProblem } from '../../lib/formProblem';

const route = getRouteApi('/verify');

/** Confirms an e-mail address with the link of a mail, and signs in. */
export function VerifyPage() {
  const text = useText();
  const { token } = route.useSearch();
  // A link works once: whatever draws this page again takes the first answer.
  const { data, error, isFetching, refetch } = useQuery({
    queryKey: ['verify', token],
    queryFn: () => verifyEmail(token ?? ''),
    enabled: token !== undefined,
    staleTime: Infinity,
    gcTime: Infinity,
    retry: false,
    refetchOnWindowFocus: false,
    refetchOnReconnect: false,
  });
  const problem = error === null ? undefined : formProblem(problemOf(error), []);
  return (
    <Door title={text('verify.title')}>
      <div className={classes.form} data-testid="verify">
        {data !== undefined && (
          <>
            <DoorTitle title={text('verify.done', { name: data.name })}>{text('verify.done.text', { email: data.email })}</DoorTitle>
            <Button component={Link} to="/" replace fullWidth className={classes.submit ?? ''} data-testid="verify-continue">
              {text('verify.continue')}
            </Button>
          </>
        )}
        {data === undefined && (token === undefined || problem !== undefined) && (
          <>
            <DoorTitle title={text('verify.failed')} />
            {token === undefined ? <Note kind="bad">{text('problem.link-invalid')}</Note> : <FormNote problem={problem} />}
            <p className={classes.dim}>{text('verify.failed.text')}</p>
            <div className={classes.side}>
              {problem?.message === 'problem.unreachable' || problem?.message === 'problem.unavailable' ? (
                <Button fullWidth loading={isFetching} onClick={() => void refetch()}>
                  {text('error.retry')}
                </Button>
              ) : (
                <Button component={Link} to="/signin" fullWidth>
                  {text('signin.submit')}
                </Button>
              )}
            </div>
          </>
        )}
        {data === undefined && token !== undefined && problem === undefined && (
          <div role="status" aria-busy="true">
            <DoorTitle title={text('verify.title')}>{text('verify.working')}</DoorTitle>
            <Skeleton height={44} mt={20} />
          </div>
        )}
      </div>
    </Door>
  );
}
