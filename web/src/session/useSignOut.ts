import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { logout } from '../api/accounts';
import { problemOf } from '../api/problem';
import { useText } from '../i18n/I18n';
import { formProblem } from '../lib/formProblem';
import { toast } from '../lib/toasts';

/** Signs out and goes to the start; says so if the server does not answer, since the session then lives on. */
export function useSignOut(): { signOut: () => Promise<void>; busy: boolean } {
  const text = useText();
  const navigate = useNavigate();
  const [busy, setBusy] = useState(false);
  const signOut = async () => {
    setBusy(true);
    try {
      await logout();
      await navigate({ to: '/' });
    } catch (error) {
      const { message } = formProblem(problemOf(error), []);
      toast({ kind: 'bad', title: text('account.signOut.failed'), text: message && text(message) });
    } finally {
      setBusy(false);
    }
  };
  return { signOut, busy };
}
