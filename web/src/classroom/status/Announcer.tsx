import { RoomEvent, type Participant, type Room } from 'livekit-client';
import { useEffect, useState } from 'react';
import { useText } from '../../i18n/I18n';
import type { Chat } from '../panel/useChat';

/** Tells screen readers who came and went and what was written while the chat is closed. */
export function Announcer({ room, chat }: { room: Room; chat: Chat }) {
  const text = useText();
  const [news, setNews] = useState('');
  useEffect(() => {
    const nameOf = (who: Participant) => (who.name === undefined || who.name === '' ? who.identity : who.name);
    const joined = (who: Participant) => {
      setNews(text('call.joined', { name: nameOf(who) }));
    };
    const left = (who: Participant) => {
      setNews(text('call.left', { name: nameOf(who) }));
    };
    room.on(RoomEvent.ParticipantConnected, joined);
    room.on(RoomEvent.ParticipantDisconnected, left);
    return () => {
      room.off(RoomEvent.ParticipantConnected, joined);
      room.off(RoomEvent.ParticipantDisconnected, left);
    };
  }, [room, text]);
  const last = chat.messages.findLast((message) => !message.own);
  return (
    <div className="sr">
      <p role="status">{news}</p>
      <p role="log">{last && text('chat.incoming', { name: last.name, text: last.text })}</p>
    </div>
  );
}
