import { Button, Modal } from '@mantine/core';
import { IconCheck, IconX } from '@tabler/icons-react';
import { useState, type ReactNode } from 'react';
import { problemOf } from '../api/problem';
import { formProblem, type FormProblem } from '../lib/formProblem';
import classes from './Dialog.module.css';
import { FormNote } from './FormNote';

interface Props {
  /** Asks. */
  title: string;
  /** What is lost. */
  losses: readonly string[];
  /** What stays. */
  keeps?: readonly string[];
  /** The verb of the title. */
  confirm: string;
  /** Names the safe way; it has the focus. */
  cancel: string;
  children?: ReactNode;
  /** Whether what else is asked for is there; says so itself if it is not. */
  isReady?: () => boolean;
  onConfirm: () => Promise<unknown>;
  onClose: () => void;
}

/** Asks before something is lost, and says what. Stays open with the reason if it did not work. */
export function ConfirmDialog({ title, losses, keeps = [], confirm, cancel, children, isReady, onConfirm, onClose }: Props) {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<FormProblem>();
  const run = async () => {
    if (isReady?.() === false) return;
    setBusy(true);
    setProblem(undefined);
    try {
      await onConfirm();
      onClose();
    } catch (error) {
      setProblem(formProblem(problemOf(error), []));
    } finally {
      setBusy(false);
    }
  };
  return (
    <Modal opened onClose={onClose}>
      <div className={classes.dialog}>
        <Modal.Title>{title}</Modal.Title>
        <ul className={classes.losses}>
          {losses.map((loss) => (
            <li key={loss}>
              <IconX size={20} aria-hidden="true" />
              {loss}
            </li>
          ))}
          {keeps.map((kept) => (
            <li key={kept} data-kept>
              <IconCheck size={20} aria-hidden="true" />
              {kept}
            </li>
          ))}
        </ul>
        {children}
        <FormNote problem={problem} />
        <div className={classes.actions}>
          <Button variant="default" onClick={onClose} data-autofocus>
            {cancel}
          </Button>
          <Button variant="danger" loading={busy} onClick={() => void run()} data-testid="confirm">
            {confirm}
          </Button>
        </div>
      </div>
    </Modal>
  );
}
