import { Textarea } from '@mantine/core';
import { IconSend2 } from '@tabler/icons-react';
import { useState } from 'react';
import { useText } from '../../i18n/I18n';
import classes from './ChatComposer.module.css';

const textMax = 4000;

/** The line to write in. Enter sends, shift with enter breaks the line. */
export function ChatComposer({ onSend }: { onSend: (text: string) => void }) {
  const text = useText();
  const [draft, setDraft] = useState('');
  const ready = draft.trim() !== '';
  const send = () => {
    if (!ready) return;
    onSend(draft.trim());
    setDraft('');
  };
  return (
    <form
      className={classes.composer}
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <div className={classes.box}>
        <Textarea
          variant="unstyled"
          className={classes.field ?? ''}
          classNames={{ input: classes.input ?? '' }}
          aria-label={text('chat.input')}
          placeholder={text('chat.input')}
          autosize
          minRows={1}
          maxRows={5}
          maxLength={textMax}
          value={draft}
          data-testid="chat-input"
          autoFocus={matchMedia('(pointer: fine)').matches}
          onChange={(event) => {
            setDraft(event.currentTarget.value);
          }}
          onKeyDown={(event) => {
            if (event.key !== 'Enter' || event.shiftKey || event.nativeEvent.isComposing) return;
            event.preventDefault();
            send();
          }}
        />
        <button
          type="submit"
          className={classes.send}
          data-ready={ready || undefined}
          disabled={!ready}
          aria-label={text('chat.send')}
          data-testid="chat-send"
        >
          <IconSend2 size={20} stroke={1.75} />
        </button>
      </div>
    </form>
  );
}
