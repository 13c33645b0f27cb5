import { useDocumentTitle } from '@mantine/hooks';
import { getRouteApi, useNavigate } from '@tanstack/react-router';
import { Button } from '@mantine/core';
import { lazy, Suspense, useRef, useState } from 'react';
import { ApiError } from '../../api/problem';
import { devJoin } from '../../api/client';
import { useInstance } from '../../api/useInstance';
import { StatePage } from '../../components/StatePage';
import { useText } from '../../i18n/I18n';
import { apiErrorCode, isFinal, type ErrorCode } from '../../lib/errors';
import { loadName, saveName, type DeviceChoice } from '../../lib/profile';
import { readToken } from '../../lib/token';
import { useSession } from '../../session/session';
import { AfterCall } from './AfterCall';
import { DeviceCheck } from './DeviceCheck';
import { JoiningScreen } from './JoiningScreen';
import { canCapture } from './media';

const Classroom = lazy(async () => ({ default: (await import('../../classroom/Classroom')).Classroom }));
const route = getRouteApi('/room/$name');

type Phase =
  | { kind: 'check'; joining: boolean }
  | { kind: 'call'; token: string; choice: DeviceChoice }
  | { kind: 'after'; seconds: number }
  | { kind: 'error'; code: ErrorCode; supportCode: string | undefined };

const isExpired = (expiresAt: number | undefined): boolean =>
  expiresAt !== undefined && expiresAt * 1000 < Date.now();

/** One visit to a room: device check, the call, and what comes after it. */
export function RoomPage() {
  const text = useText();
  const navigate = useNavigate();
  const linkToken = route.useSearch().token;
  const claims = linkToken === undefined ? undefined : readToken(linkToken);
  const pathRoom = route.useParams().name;
  const room = claims && claims.room !== '' ? claims.room : pathRoom;
  const { state: instance, retry: retryInstance } = useInstance();
  const [phase, setPhase] = useState<Phase>({ kind: 'check', joining: false });
  const session = useSession();
  const account = session.status === 'signed-in' ? session.user : undefined;
  const [typedName, setName] = useState<string>();
  const name = typedName ?? claims?.name ?? account?.name ?? loadName();
  /** Coming back after an error takes the same identity, so that no double stays behind. */
  const identity = useRef<string>(undefined);
  useDocumentTitle(`${room} · Clapt`);

  const fail = (code: ErrorCode, supportCode?: string) => {
    setPhase({ kind: 'error', code, supportCode });
  };
  const check = () => {
    setPhase({ kind: 'check', joining: false });
  };

  const join = async (choice: DeviceChoice) => {
    if (linkToken !== undefined) {
      setPhase({ kind: 'call', token: linkToken, choice });
      return;
    }
    setPhase({ kind: 'check', joining: true });
    saveName(name.trim());
    try {
      const grant = await devJoin(room, name.trim(), identity.current);
      identity.current = grant.identity;
      setPhase({ kind: 'call', token: grant.token, choice });
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      fail(apiErrorCode(error.problem.status, error.problem.code), error.problem.requestId);
    }
  };

  const home = <HomeButton onClick={() => void navigate({ to: '/' })} />;
  if (!canCapture()) return <StatePage code="unsupported" />;
  if (phase.kind === 'error') {
    return (
      <StatePage
        code={phase.code}
        supportCode={phase.supportCode}
        onRetry={isFinal(phase.code) ? undefined : check}
        retryLabel={phase.code === 'duplicate-identity' ? text('after.rejoin') : text('error.retry')}
        actions={home}
      />
    );
  }
  if (phase.kind === 'after') {
    return <AfterCall room={room} seconds={phase.seconds} onRejoin={check} />;
  }
  if (phase.kind === 'call') {
    return (
      <Suspense fallback={<JoiningScreen room={room} />}>
        <Classroom
          room={room}
          token={phase.token}
          choice={phase.choice}
          expiresAt={readToken(phase.token)?.expiresAt}
          onLeave={(seconds) => {
            setPhase({ kind: 'after', seconds });
          }}
          onError={fail}
        />
      </Suspense>
    );
  }
  if (linkToken !== undefined && !claims) return <StatePage code="token-invalid" actions={home} />;
  if (claims && isExpired(claims.expiresAt)) return <StatePage code="token-expired" actions={home} />;
  if (linkToken === undefined && instance.status === 'failed') {
    return <StatePage code="server-gone" onRetry={retryInstance} actions={home} />;
  }
  if (linkToken === undefined && instance.status === 'ready' && !instance.instance.devMode) {
    return <StatePage code="need-link" />;
  }
  // Whoever is signed in is not asked for a name.
  if (!claims && session.status === 'starting') return <JoiningScreen room={room} />;
  return (
    <DeviceCheck
      room={room}
      name={claims?.name === '' ? claims.identity : name}
      onName={claims ?? account ? undefined : setName}
      joining={phase.joining}
      onJoin={(choice) => void join(choice)}
    />
  );
}

function HomeButton({ onClick }: { onClick: () => void }) {
  const text = useText();
  return (
    <Button variant="default" onClick={onClick}>
      {text('app.home')}
    </Button>
  );
}
