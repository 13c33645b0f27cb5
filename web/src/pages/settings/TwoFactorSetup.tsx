import { Button, Modal, Skeleton, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useId, useState } from 'react';
import { beginTotp, confirmTotp } from '../../api/accounts';
import dialog from '../../components/Dialog.module.css';
import { FormNote } from '../../components/FormNote';
import { LoadError } from '../../components/ListStates';
import { useText } from '../../i18n/I18n';
import { checkCode, wrongOnes } from '../../lib/fields';
import { toast } from '../../lib/toasts';
import { useForm } from '../../lib/useForm';
import { QrCode } from './QrCode';
import { RecoveryCodes } from './RecoveryCodes';
import classes from './TwoFactor.module.css';

/** Turns the second factor on: scan, type one code, keep the recovery codes. */
export function TwoFactorSetup({ onClose }: { onClose: () => void }) {
  const text = useText();
  const dialogId = useId();
  const [codes, setCodes] = useState<string[]>();
  // The secret is made for this dialog alone: opening it anew makes another.
  const secret = useQuery({ queryKey: ['totp', dialogId], queryFn: beginTotp, staleTime: Infinity, gcTime: 0 });
  const form = useForm({
    initial: { code: '' },
    check: ({ code }) => wrongOnes({ code: checkCode(code) }),
    action: async ({ code }) => {
      setCodes(await confirmTotp(code.replaceAll(/\s/g, '')));
      toast({ kind: 'ok', title: text('twoFactor.isOn') });
    },
  });
  // What has been turned on is not lost by a stray click: the codes are shown only once.
  const safeClose = () => {
    if (codes === undefined) onClose();
  };
  return (
    <Modal opened onClose={safeClose} closeOnClickOutside={false}>
      <div className={dialog.dialog} data-testid="two-factor-dialog">
        <Modal.Title>{text(codes ? 'twoFactor.codes.title' : 'twoFactor.title')}</Modal.Title>
        {codes && <RecoveryCodes codes={codes} onDone={onClose} />}
        {!codes && secret.isPending && <Skeleton height={200} />}
        {!codes && secret.isError && <LoadError error={secret.error} onRetry={() => void secret.refetch()} />}
        {!codes && secret.data && (
          <form {...form.formProps} className={classes.steps}>
            <p>{text('twoFactor.scan')}</p>
            <QrCode text={secret.data.uri} label={text('twoFactor.qr')} />
            <p>
              {text('twoFactor.typed')} <code className={classes.secret} data-testid="totp-secret">{secret.data.secret}</code>
            </p>
            <FormNote problem={form.problem} />
            <TextInput
              {...form.field('code')}
              label={text('twoFactor.code')}
              inputMode="numeric"
              autoComplete="one-time-code"
              maxLength={12}
              data-autofocus
            />
            <div className={dialog.actions}>
              <Button variant="default" onClick={onClose}>
                {text('dialog.cancel')}
              </Button>
              <Button type="submit" loading={form.busy} data-testid="two-factor-confirm">
                {text('security.twoFactor.turnOn')}
              </Button>
            </div>
          </form>
        )}
      </div>
    </Modal>
  );
}
