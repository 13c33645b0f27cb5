/** One message in the room. */
export interface ChatMessage {
  id: string;
  author: string;
  name: string;
  own: boolean;
  text: string;
  /** Unix ms. */
  sentAt: number;
  status: 'sending' | 'sent' | 'failed';
}

export interface ChatState {
  messages: ChatMessage[];
  unread: number;
  open: boolean;
  /** The first message that came while the chat was closed; a line is drawn above it. */
  firstUnread: string | undefined;
}

export type ChatAction =
  | { type: 'received'; message: ChatMessage }
  | { type: 'sending'; message: ChatMessage }
  | { type: 'settled'; id: string; ok: boolean }
  | { type: 'opened' }
  | { type: 'closed' };

export const emptyChat: ChatState = { messages: [], unread: 0, open: false, firstUnread: undefined };

/** Keeps this many messages; older ones go. */
export const messagesMax = 500;

const insert = (messages: ChatMessage[], message: ChatMessage): ChatMessage[] => {
  if (messages.some((known) => known.id === message.id)) return messages;
  return [...messages, message].slice(-messagesMax);
};

const withStatus = (state: ChatState, id: string, status: ChatMessage['status']): ChatState => ({
  ...state,
  messages: state.messages.map((message) => (message.id === id ? { ...message, status } : message)),
});

/**
 * The chat as a pure state machine. Unread counts only what others wrote while the chat was
 * closed; opening it clears the count and keeps the line.
 */
export function chatReducer(state: ChatState, action: ChatAction): ChatState {
  switch (action.type) {
    case 'received': {
      const messages = insert(state.messages, action.message);
      if (messages === state.messages || state.open) return { ...state, messages };
      return { ...state, messages, unread: state.unread + 1, firstUnread: state.firstUnread ?? action.message.id };
    }
    case 'sending':
      if (state.messages.some((message) => message.id === action.message.id)) {
        return withStatus(state, action.message.id, 'sending');
      }
      return { ...state, messages: insert(state.messages, action.message), firstUnread: undefined };
    case 'settled':
      return withStatus(state, action.id, action.ok ? 'sent' : 'failed');
    case 'opened':
      return { ...state, open: true, unread: 0 };
    case 'closed':
      return { ...state, open: false, firstUnread: undefined };
  }
}
