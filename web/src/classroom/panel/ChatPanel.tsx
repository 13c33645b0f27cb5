import { IconMessageCircle } from '@tabler/icons-react';
import { useEffect, useRef } from 'react';
import { useText } from '../../i18n/I18n';
import { ChatComposer } from './ChatComposer';
import { ChatEntry } from './ChatEntry';
import classes from './ChatPanel.module.css';
import type { Chat } from './useChat';

/** Messages of this call, the newest at the bottom, and the line to write in. */
export function ChatPanel({ chat, canChat }: { chat: Chat; canChat: boolean }) {
  const text = useText();
  const list = useRef<HTMLDivElement>(null);
  const count = chat.messages.length;
  useEffect(() => {
    const element = list.current;
    if (element) element.scrollTop = element.scrollHeight;
  }, [count]);
  return (
    <>
      <div className={classes.scroll} ref={list} tabIndex={0} role="region" aria-label={text('chat.log')}>
        {count === 0 ? (
          <div className={classes.empty}>
            <span className={classes.pict}>
              <IconMessageCircle size={32} stroke={1.5} aria-hidden="true" />
            </span>
            <b>{text('chat.empty.title')}</b>
            <p>{text(canChat ? 'chat.empty.text' : 'chat.readOnly.empty')}</p>
          </div>
        ) : (
          <ol className={classes.list}>
            {chat.messages.map((message, index) => {
              const before = chat.messages[index - 1];
              const isNew = message.id === chat.firstUnread;
              return (
                <ChatEntry
                  key={message.id}
                  message={message}
                  isNew={isNew}
                  follows={!isNew && before?.author === message.author && message.sentAt - before.sentAt < 120_000}
                  onRetry={chat.retry}
                />
              );
            })}
          </ol>
        )}
      </div>
      {canChat ? <ChatComposer onSend={chat.send} /> : <p className={classes.readOnly}>{text('chat.readOnly')}</p>}
    </>
  );
}
