import { ActionIcon, Drawer, Tabs } from '@mantine/core';
import { IconX } from '@tabler/icons-react';
import { useText } from '../../i18n/I18n';
import type { Viewport } from '../layout/useViewport';
import type { Person } from '../room/people';
import { ChatPanel } from './ChatPanel';
import { PeopleList } from './PeopleList';
import classes from './SidePanel.module.css';
import type { Chat } from './useChat';

export type PanelTab = 'people' | 'chat';

interface Props {
  tab: PanelTab | undefined;
  onTab: (tab: PanelTab | undefined) => void;
  people: Person[];
  chat: Chat;
  canChat: boolean;
  viewport: Viewport;
}

/** People and chat: beside the stage, as a drawer, or as a sheet on phones. */
export function SidePanel(props: Props) {
  const { tab, onTab, viewport } = props;
  const text = useText();
  const close = () => {
    onTab(undefined);
  };
  if (viewport.panelBeside) {
    if (tab === undefined) return null;
    return (
      <aside
        className={classes.panel}
        aria-label={text('panel.label')}
        onKeyDown={(event) => {
          if (event.key === 'Escape') close();
        }}
      >
        <PanelContent {...props} tab={tab} onClose={close} />
      </aside>
    );
  }
  return (
    <Drawer
      opened={tab !== undefined}
      onClose={close}
      position={viewport.phone ? 'bottom' : 'right'}
      size={viewport.phone ? '76dvh' : 320}
      withCloseButton={false}
      transitionProps={{ duration: 160 }}
      overlayProps={{ color: 'var(--overlay)', backgroundOpacity: 1 }}
      attributes={{ content: { 'aria-label': text('panel.label') } }}
      classNames={{ content: classes.sheet ?? '', body: classes.sheetBody ?? '', overlay: classes.overlay ?? '' }}
    >
      {viewport.phone && <span className={classes.grip} aria-hidden="true" />}
      {tab !== undefined && <PanelContent {...props} tab={tab} onClose={close} />}
    </Drawer>
  );
}

function PanelContent({ tab, onTab, people, chat, canChat, onClose }: Props & { tab: PanelTab; onClose: () => void }) {
  const text = useText();
  return (
    <Tabs
      value={tab}
      onChange={(value) => {
        onTab(value === 'chat' ? 'chat' : 'people');
      }}
      unstyled
      classNames={{ root: classes.root ?? '', list: classes.seg ?? '', tab: classes.tab ?? '', panel: classes.body ?? '' }}
    >
      <div className={classes.head}>
        <Tabs.List grow>
          <Tabs.Tab value="people">
            {text('people.label')} <span className="num">{text('people.count', { count: people.length })}</span>
          </Tabs.Tab>
          <Tabs.Tab value="chat">
            {text('chat.label')}
            {chat.unread > 0 && <span className={classes.count}>{chat.unread}</span>}
          </Tabs.Tab>
        </Tabs.List>
        <ActionIcon aria-label={text('panel.close')} onClick={onClose}>
          <IconX size={20} stroke={1.75} />
        </ActionIcon>
      </div>
      <Tabs.Panel value="people">
        <PeopleList people={people} />
      </Tabs.Panel>
      <Tabs.Panel value="chat">
        <ChatPanel chat={chat} canChat={canChat} />
      </Tabs.Panel>
    </Tabs>
  );
}
