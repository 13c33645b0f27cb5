import { useState } from 'react';
import { useText } from '../i18n/I18n';
import type { DeviceChoice } from '../lib/profile';
import classes from './CallScreen.module.css';
import { ControlBar } from './controls/ControlBar';
import { useControls } from './controls/useControls';
import { useShortcuts } from './controls/useShortcuts';
import { CallHeader, type Layout } from './header/CallHeader';
import { listItems, stageItem } from './layout/items';
import { useLayout } from './layout/useLayout';
import { useSeating } from './layout/useSeating';
import { useViewport } from './layout/useViewport';
import { SidePanel, type PanelTab } from './panel/SidePanel';
import { useChat } from './panel/useChat';
import type { RoomStore } from './room/RoomStore';
import { useRoom } from './room/useCall';
import { GridView, gridPageSize } from './stage/GridView';
import { openPictureInPicture } from './stage/pictureInPicture';
import { SpeakerView } from './stage/SpeakerView';
import { Announcer } from './status/Announcer';
import { HintSlot } from './status/HintSlot';
import { chooseHint } from './status/notices';
import { ReconnectingBanner } from './status/ReconnectingBanner';
import { useNotice } from './status/useNotice';
import { useSystemMute } from './status/useSystemMute';
import { useWakeLock } from './useWakeLock';

interface Props {
  name: string;
  store: RoomStore;
  since: number;
  /** Devices to start with. */
  choice: DeviceChoice;
  onLeave: () => void;
}

/** The call itself: header, stage, panel and controls. */
export function CallScreen({ name, store, since, choice, onLeave }: Props) {
  const text = useText();
  const viewport = useViewport();
  const [notice, notify] = useNotice();
  const snapshot = useRoom(store);
  const { people } = snapshot;
  const [panel, setPanel] = useState<PanelTab>();
  const [pinned, setPinned] = useState<string>();
  const [layout, setLayout] = useLayout(people.some((person) => person.share));
  const stripSize = viewport.phone || viewport.wide ? 6 : 4;
  const { order, speaker } = useSeating(people, layout === 'grid' ? gridPageSize(viewport) : stripSize);
  const chat = useChat(store, panel === 'chat');
  const controls = useControls(store, snapshot, choice, notify);
  const micSystemMuted = useSystemMute(store.room) && controls.mic.on;
  useWakeLock();

  const togglePanel = (tab: PanelTab) => {
    setPanel((open) => (open === tab ? undefined : tab));
  };
  const talking = useShortcuts({
    mic: controls.mic.toggle,
    camera: controls.camera.toggle,
    share: controls.share.toggle,
    chat: () => {
      togglePanel('chat');
    },
    people: () => {
      togglePanel('people');
    },
    talk: controls.mic.set,
    micOn: controls.mic.on,
  });
  const pin = (key: string) => {
    setPinned((before) => (before === key ? undefined : key));
    if (pinned !== key) setLayout('speaker');
  };
  const changeLayout = (next: Layout) => {
    if (next === 'grid') setPinned(undefined);
    setLayout(next);
  };
  const copyLink = () => {
    const link = new URL(location.pathname, location.origin).href;
    navigator.clipboard.writeText(link).then(
      () => {
        notify('linkCopied');
      },
      () => {
        notify('notPermitted');
      },
    );
  };

  const items = listItems(people, order);
  const quality = people.find((person) => person.isLocal)?.quality ?? 'unknown';
  const reconnecting = snapshot.connection === 'reconnecting';
  const hint = chooseHint({
    soundBlocked: snapshot.soundBlocked,
    pushToTalk: talking,
    notice,
    micSystemMuted,
    quality,
    alone: people.length === 1 && !reconnecting,
  });

  return (
    <div className={classes.room} data-connection={snapshot.connection}>
      <CallHeader name={name} room={store.room} since={since} quality={quality} layout={layout} onLayout={changeLayout} />
      <main className={classes.main} aria-label={text('call.stage')} data-frozen={reconnecting || undefined}>
        {layout === 'grid' ? (
          <GridView
            items={items}
            viewport={viewport}
            pinned={pinned}
            onPin={pin}
            onSwipeBack={() => {
              changeLayout('speaker');
            }}
          />
        ) : (
          <SpeakerView
            items={items}
            stage={stageItem(items, pinned, speaker)}
            viewport={viewport}
            pinned={pinned}
            onPin={pin}
            onSwipeOn={() => {
              changeLayout('grid');
            }}
          />
        )}
        {reconnecting && <ReconnectingBanner />}
      </main>
      <SidePanel tab={panel} onTab={setPanel} people={people} chat={chat} canChat={snapshot.allowed.data} viewport={viewport} />
      <ControlBar
        room={store.room}
        controls={controls}
        panel={panel}
        unread={chat.unread}
        viewport={viewport}
        slot={<HintSlot hint={hint} onSound={() => void store.room.startAudio()} />}
        onPanel={togglePanel}
        onCopyLink={copyLink}
        onPip={document.pictureInPictureEnabled ? openPictureInPicture : undefined}
        onLeave={onLeave}
      />
      <Announcer room={store.room} chat={chat} />
    </div>
  );
}
