import { describe, expect, it } from 'vitest';
import { chatReducer, emptyChat, messagesMax, type ChatMessage } from './chatState';

const message = (id: string, over: Partial<ChatMessage> = {}): ChatMessage => ({
  id,
  author: 'ana',
  name: 'Ana',
  own: false,
  text: 'hello',
  sentAt: 0,
  status: 'sent',
  ...over,
});

describe('chatReducer', () => {
  it('counts what others write while the chat is closed and marks the first', () => {
    const one = chatReducer(emptyChat, { type: 'received', message: message('1') });
    const two = chatReducer(one, { type: 'received', message: message('2') });

    expect(two).toMatchObject({ unread: 2, firstUnread: '1' });
  });

  it('clears the count on opening but keeps the line until closing', () => {
    const unread = chatReducer(emptyChat, { type: 'received', message: message('1') });
    const open = chatReducer(unread, { type: 'opened' });

    expect(open).toMatchObject({ unread: 0, firstUnread: '1' });
    expect(chatReducer(open, { type: 'closed' }).firstUnread).toBeUndefined();
  });

  it('does not count while the chat is open', () => {
    const open = chatReducer(emptyChat, { type: 'opened' });

    expect(chatReducer(open, { type: 'received', message: message('1') }).unread).toBe(0);
  });

  it('drops a message that came twice', () => {
    const once = chatReducer(emptyChat, { type: 'received', message: message('1') });
    const twice = chatReducer(once, { type: 'received', message: message('1') });

    expect(twice.messages).toHaveLength(1);
    expect(twice.unread).toBe(1);
  });

  it('sends a failed message again in its old place', () => {
    const own = message('1', { own: true, status: 'sending' });
    const sending = chatReducer(emptyChat, { type: 'sending', message: own });
    const failed = chatReducer(sending, { type: 'settled', id: '1', ok: false });
    const again = chatReducer(failed, { type: 'sending', message: own });

    expect(failed.messages[0]?.status).toBe('failed');
    expect(again.messages.map((entry) => entry.status)).toEqual(['sending']);
    expect(chatReducer(again, { type: 'settled', id: '1', ok: true }).messages[0]?.status).toBe('sent');
  });

  it('forgets the oldest messages beyond its bound', () => {
    let state = emptyChat;
    for (let id = 0; id < messagesMax + 5; id += 1) {
      state = chatReducer(state, { type: 'received', message: message(String(id)) });
    }

    expect(state.messages).toHaveLength(messagesMax);
    expect(state.messages[0]?.id).toBe('5');
  });
});
