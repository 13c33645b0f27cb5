import { Textarea } from '@mantine/core';
import { useState } from 'react';
import { blockPerson } from '../../api/accounts';
import type { Person } from '../../api/types';
import { ConfirmDialog } from '../../components/ConfirmDialog';
import { useText } from '../../i18n/I18n';
import { lengthMax } from '../../lib/fields';

export interface PersonDialogProps {
  person: Person;
  /** Says that it worked, and loads the list anew. */
  onDone: (message: string) => Promise<void>;
  onClose: () => void;
}

/** Asks before somebody is kept out, and for the reason that the audit log keeps. */
export function BlockDialog({ person, onDone, onClose }: PersonDialogProps) {
  const text = useText();
  const [reason, setReason] = useState('');
  const [missing, setMissing] = useState(false);
  return (
    <ConfirmDialog
      title={text('people.block.title', { name: person.name })}
      losses={[text('people.block.sessions'), text('people.block.entry')]}
      keeps={[text('people.block.keeps')]}
      confirm={text('people.block.confirm')}
      cancel={text('dialog.cancel')}
      isReady={() => {
        setMissing(reason.trim() === '');
        return reason.trim() !== '';
      }}
      onConfirm={async () => {
        await blockPerson(person.id, reason.trim());
        await onDone(text('people.block.done', { name: person.name }));
      }}
      onClose={onClose}
    >
      <Textarea
        label={text('people.block.reason')}
        description={text('people.block.reason.hint')}
        maxLength={lengthMax.about}
        required
        withAsterisk={false}
        error={missing ? text('people.block.reason.missing') : undefined}
        value={reason}
        data-testid="block-reason"
        onChange={(event) => {
          setReason(event.currentTarget.value);
          setMissing(false);
        }}
      />
    </ConfirmDialog>
  );
}
