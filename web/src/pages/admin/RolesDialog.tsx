import { Button, Checkbox, Modal } from '@mantine/core';
import { useState } from 'react';
import { setRoles } from '../../api/accounts';
import { problemOf } from '../../api/problem';
import dialog from '../../components/Dialog.module.css';
import { FormNote } from '../../components/FormNote';
import { useText } from '../../i18n/I18n';
import { formProblem, type FormProblem } from '../../lib/formProblem';
import { useUser } from '../../session/session';
import type { PersonDialogProps } from './BlockDialog';
import classes from './People.module.css';
import { builtInRoles, roleLabel } from './roles';

/** What somebody may do here, by roles. Only an owner makes owners. */
export function RolesDialog({ person, onDone, onClose }: PersonDialogProps) {
  const text = useText();
  const isOwner = useUser()?.roles.includes('owner') === true;
  const [chosen, setChosen] = useState<readonly string[]>(person.roles);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<FormProblem>();
  const all = [...builtInRoles, ...person.roles.filter((role) => !builtInRoles.some((one) => one === role))];

  const save = async () => {
    setBusy(true);
    setProblem(undefined);
    try {
      await setRoles(person.id, all.filter((role) => chosen.includes(role)));
      await onDone(text('people.roles.done', { name: person.name }));
      onClose();
    } catch (error) {
      setProblem(formProblem(problemOf(error), []));
    } finally {
      setBusy(false);
    }
  };

  return (
    <Modal opened onClose={onClose}>
      <form
        className={dialog.dialog}
        onSubmit={(event) => {
          event.preventDefault();
          void save();
        }}
      >
        <Modal.Title>{text('people.roles.title', { name: person.name })}</Modal.Title>
        <FormNote problem={problem} />
        <Checkbox.Group aria-label={text('people.roles.title', { name: person.name })} value={[...chosen]} onChange={setChosen}>
          <div className={classes.roles}>
            {all.map((role) => (
              <Checkbox key={role} value={role} label={roleLabel(role, text)} disabled={role === 'owner' && !isOwner} />
            ))}
          </div>
        </Checkbox.Group>
        <div className={dialog.actions}>
          <Button variant="default" onClick={onClose}>
            {text('dialog.cancel')}
          </Button>
          <Button type="submit" loading={busy}>
            {text('settings.save')}
          </Button>
        </div>
      </form>
    </Modal>
  );
}
