import { useMediaQuery } from '@mantine/hooks';
import { useState } from 'react';
import { pageCount, pageOf } from '../layout/gridLayout';
import type { TileItem } from '../layout/items';
import type { Viewport } from '../layout/useViewport';
import { Tile } from '../tiles/Tile';
import { FloatingSelf } from './FloatingSelf';
import { Pager } from './Pager';
import { ShareStage } from './ShareStage';
import classes from './SpeakerView.module.css';
import { useSwipe } from './useSwipe';

interface Props {
  items: TileItem[];
  stage: TileItem | undefined;
  viewport: Viewport;
  pinned: string | undefined;
  onPin: (key: string) => void;
  /** Called for a swipe forward on the stage. */
  onSwipeOn: () => void;
}

/** Whether only the own picture is left beside somebody else's: then it floats above that. */
const isPair = (stage: TileItem | undefined, others: readonly TileItem[]): boolean =>
  stage?.source === 'camera' && others.length === 1 && others.every(({ person, source }) => person.isLocal && source === 'camera');

/** One picture on the stage, the others in a strip; of two people, the own picture floats. */
export function SpeakerView({ items, stage, viewport, pinned, onPin, onSwipeOn }: Props) {
  const others = items.filter((item) => item.key !== stage?.key);
  const pair = isPair(stage, others);
  const swipe = useSwipe((step) => {
    if (step > 0) onSwipeOn();
  });
  return (
    <div className={classes.view} data-solo={others.length === 0 || pair || undefined}>
      <div className={classes.stage} data-stage {...swipe}>
        {stage?.source === 'screen_share' && stage.person.share && (
          <ShareStage key={stage.key} person={stage.person} track={stage.person.share} />
        )}
        {stage?.source === 'camera' && (
          <ul className={classes.single}>
            <Tile item={stage} pinned={stage.key === pinned} onPin={onPin} />
          </ul>
        )}
        {pair && others.map((item) => <FloatingSelf key={item.key} item={item} />)}
      </div>
      {others.length > 0 && !pair && <Strip items={others} viewport={viewport} onPin={onPin} />}
    </div>
  );
}

function Strip({ items, viewport, onPin }: { items: TileItem[]; viewport: Viewport; onPin: (key: string) => void }) {
  const low = useMediaQuery('(max-height: 719px)', false, { getInitialValueInEffect: false });
  const [page, setPage] = useState(0);
  const perPage = viewport.phone ? (low ? 4 : 6) : viewport.wide ? 6 : 4;
  const pages = pageCount(items.length, perPage);
  const current = Math.min(page, pages - 1);
  const swipe = useSwipe((step) => {
    setPage(Math.min(pages - 1, Math.max(0, current + step)));
  });
  return (
    <div className={classes.strip} {...swipe}>
      <ul>
        {pageOf(items, current, perPage).map((item) => (
          <Tile key={item.key} item={item} pinned={false} onPin={onPin} small />
        ))}
      </ul>
      {pages > 1 && <Pager page={current} pages={pages} onPage={setPage} />}
    </div>
  );
}
