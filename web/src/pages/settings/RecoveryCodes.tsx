import { Button } from '@mantine/core';
import { IconCopy, IconDownload } from '@tabler/icons-react';
import { useState } from 'react';
import dialog from '../../components/Dialog.module.css';
import { useText } from '../../i18n/I18n';
import { toast } from '../../lib/toasts';
import classes from './TwoFactor.module.css';

/** Shows the recovery codes, this once, with ways to keep them. */
export function RecoveryCodes({ codes, onDone }: { codes: readonly string[]; onDone: () => void }) {
  const text = useText();
  const [file] = useState(() => `data:text/plain;charset=utf-8,${encodeURIComponent(`${codes.join('\n')}\n`)}`);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(codes.join('\n'));
      toast({ kind: 'ok', title: text('twoFactor.codes.copied') });
    } catch {
      toast({ kind: 'bad', title: text('twoFactor.codes.notCopied') });
    }
  };
  return (
    <>
      <p>{text('twoFactor.codes.text')}</p>
      <ul className={classes.codes} data-testid="recovery-codes">
        {codes.map((code) => (
          <li key={code}>
            <code>{code}</code>
          </li>
        ))}
      </ul>
      <div className={classes.keep}>
        <Button variant="default" onClick={() => void copy()} leftSection={<IconCopy size={18} aria-hidden="true" />}>
          {text('twoFactor.codes.copy')}
        </Button>
        <Button component="a" variant="default" href={file} download="clapt-recovery-codes.txt" leftSection={<IconDownload size={18} aria-hidden="true" />}>
          {text('twoFactor.codes.download')}
        </Button>
      </div>
      <div className={dialog.actions}>
        <Button onClick={onDone} data-testid="codes-kept">
          {text('twoFactor.codes.done')}
        </Button>
      </div>
    </>
  );
}
