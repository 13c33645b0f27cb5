import { IconAlertCircle } from '@tabler/icons-react';
import { useIntl } from 'react-intl';
import { Avatar } from '../../components/Avatar';
import { useText } from '../../i18n/I18n';
import classes from './ChatPanel.module.css';
import type { ChatMessage } from './chatState';

interface Props {
  message: ChatMessage;
  /** The first one that came while the chat was closed. */
  isNew: boolean;
  /** Written by the same person shortly after the message above. */
  follows: boolean;
  onRetry: (message: ChatMessage) => void;
}

/** One message with its author and time. */
export function ChatEntry({ message, isNew, follows, onRetry }: Props) {
  const text = useText();
  const intl = useIntl();
  const time = intl.formatTime(message.sentAt, { hour: 'numeric', minute: '2-digit' });
  return (
    <>
      {isNew && (
        <li className={classes.new} aria-label={text('chat.new')}>
          <span>{text('chat.new')}</span>
        </li>
      )}
      <li className={classes.message} data-own={message.own || undefined} data-follows={follows || undefined} data-testid="chat-message">
        {!message.own && !follows && <Avatar name={message.name} className={classes.avatar} />}
        {!follows && (
          <span className={classes.by}>
            <b className="cut">{message.own ? text('chat.you') : message.name}</b>
            <time dateTime={new Date(message.sentAt).toISOString()}>{time}</time>
          </span>
        )}
        <p className={classes.bubble}>{message.text}</p>
        {message.status === 'failed' && (
          <span className={classes.failed} role="alert">
            <IconAlertCircle size={16} aria-hidden="true" />
            {text('chat.failed')}
            <button
              type="button"
              onClick={() => {
                onRetry(message);
              }}
            >
              {text('chat.retry')}
            </button>
          </span>
        )}
      </li>
    </>
  );
}
