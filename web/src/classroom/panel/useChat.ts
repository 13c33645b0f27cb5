import { useCallback, useEffect, useReducer } from 'react';
import type { RoomStore } from '../room/RoomStore';
import { chatReducer, emptyChat, type ChatMessage, type ChatState } from './chatState';

/** The topic that client SDKs use for chat over text streams. */
const topic = 'lk.chat';

export interface Chat extends ChatState {
  send: (text: string) => void;
  retry: (message: ChatMessage) => void;
}

/** Chat with everybody in the room. It lives as long as the call; the server keeps nothing. */
export function useChat(store: RoomStore, open: boolean): Chat {
  const [state, dispatch] = useReducer(chatReducer, emptyChat);
  const { room } = store;

  useEffect(() => {
    room.registerTextStreamHandler(topic, (reader, { identity }) => {
      const author = room.remoteParticipants.get(identity);
      const { id, timestamp } = reader.info;
      reader.readAll().then(
        (text) => {
          const name = author?.name === undefined || author.name === '' ? identity : author.name;
          const message: ChatMessage = { id, author: identity, name, own: false, text, sentAt: timestamp, status: 'sent' };
          dispatch({ type: 'received', message });
        },
        () => {
          // The sender left in the middle of a message: there is nothing to show.
        },
      );
    });
    return () => {
      room.unregisterTextStreamHandler(topic);
    };
  }, [room]);

  useEffect(() => {
    dispatch({ type: open ? 'opened' : 'closed' });
  }, [open]);

  const post = useCallback(
    (message: ChatMessage) => {
      dispatch({ type: 'sending', message });
      room.localParticipant.sendText(message.text, { topic }).then(
        () => {
          dispatch({ type: 'settled', id: message.id, ok: true });
        },
        () => {
          dispatch({ type: 'settled', id: message.id, ok: false });
        },
      );
    },
    [room],
  );

  const send = useCallback(
    (text: string) => {
      const { identity, name } = room.localParticipant;
      post({
        id: crypto.randomUUID(),
        author: identity,
        name: name ?? identity,
        own: true,
        text,
        sentAt: Date.now(),
        status: 'sending',
      });
    },
    [post, room],
  );

  return { ...state, send, retry: post };
}
