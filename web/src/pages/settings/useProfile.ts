import { useQuery, useQueryClient } from '@tanstack/react-query';
import { changeProfile, getProfile, type VersionedProfile } from '../../api/accounts';
import { ApiError } from '../../api/problem';
import type { ProfileChange } from '../../api/types';
import { useText } from '../../i18n/I18n';
import { toast } from '../../lib/toasts';

const queryKey = ['profile'];

/** The profile with its version; `save` changes parts of it. */
export function useProfile() {
  const text = useText();
  const client = useQueryClient();
  const query = useQuery({ queryKey, queryFn: getProfile });
  const save = async (change: ProfileChange) => {
    try {
      const saved = await changeProfile(change, client.getQueryData<VersionedProfile>(queryKey)?.etag);
      client.setQueryData(queryKey, saved);
      toast({ kind: 'ok', title: text('settings.saved') });
    } catch (error) {
      // Somebody else was faster: the next try is made on what stands there now.
      const isOld = error instanceof ApiError && error.problem.status === 412;
      if (isOld) await query.refetch();
      throw error;
    }
  };
  return { query, save };
}
