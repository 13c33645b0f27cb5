import { useEffect, useRef, useState, type ChangeEvent, type SyntheticEvent } from 'react';
import { problemOf, type Problem } from '../api/problem';
import { useText } from '../i18n/I18n';
import type { MessageId } from '../i18n/en';
import { formProblem, type FormProblem } from './formProblem';

export type Errors<Field extends string> = Partial<Record<Field, MessageId>>;

const without = <T extends object>(fields: T, name: string): T =>
  name in fields ? (Object.fromEntries(Object.entries(fields).filter(([field]) => field !== name)) as T) : fields;

interface Options<Field extends string> {
  initial: Record<Field, string>;
  /** What is wrong before the server is asked. */
  check: (values: Record<Field, string>) => Errors<Field>;
  /** Does what the form is for; throws what the server answers. */
  action: (values: Record<Field, string>) => Promise<unknown>;
  /** Takes a problem out of the form's hands: true if the caller shows it. */
  onProblem?: (problem: Problem) => boolean;
}

/**
 * One form: its values, what is wrong with them, and whether it is under way. What was typed always stays.
 * After a refused try the first wrong field gets the focus.
 */
export function useForm<Field extends string>({ initial, check, action, onProblem }: Options<Field>) {
  const text = useText();
  const [values, setValues] = useState(initial);
  const [errors, setErrors] = useState<Errors<Field>>({});
  const [problem, setProblem] = useState<FormProblem>();
  const [busy, setBusy] = useState(false);
  const form = useRef<HTMLFormElement>(null);
  const names = Object.keys(initial) as Field[];

  const refused = Object.keys(errors).length > 0 || Object.keys(problem?.fields ?? {}).length > 0;
  useEffect(() => {
    if (refused) form.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus();
  }, [refused, errors, problem]);

  const run = async () => {
    const wrong = check(values);
    setErrors(wrong);
    setProblem(undefined);
    if (busy || Object.keys(wrong).length > 0) return;
    setBusy(true);
    try {
      await action(values);
    } catch (error) {
      const answer = problemOf(error);
      if (onProblem?.(answer) !== true) setProblem(formProblem(answer, names));
    } finally {
      setBusy(false);
    }
  };

  const errorOf = (name: Field): string | undefined => {
    const own = errors[name];
    if (own !== undefined) return text(own);
    const said = problem?.fields[name];
    if (said === undefined) return undefined;
    return 'id' in said ? text(said.id) : said.text;
  };

  const set = (name: Field, value: string) => {
    setValues((before) => ({ ...before, [name]: value }));
    setErrors((before) => without(before, name));
    setProblem((before) => before && { ...before, fields: without(before.fields, name) });
  };

  return {
    values,
    problem,
    busy,
    set,
    /** For the `<form>`. */
    formProps: {
      ref: form,
      noValidate: true,
      onSubmit: (event: SyntheticEvent) => {
        event.preventDefault();
        void run();
      },
    },
    /** For a text input. */
    field: (name: Field) => ({
      name,
      value: values[name],
      error: errorOf(name),
      onChange: (event: ChangeEvent<HTMLInputElement | HTMLTextAreaElement>) => {
        set(name, event.currentTarget.value);
      },
    }),
    /** For a select. */
    choice: (name: Field) => ({
      name,
      value: values[name],
      error: errorOf(name),
      onChange: (value: string | null) => {
        if (value !== null) set(name, value);
      },
    }),
  };
}
