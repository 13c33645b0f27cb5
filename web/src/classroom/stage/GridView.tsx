import { useElementSize } from '@mantine/hooks';
import { useState } from 'react';
import { gridLayout, pageCount, pageOf, phoneColumns } from '../layout/gridLayout';
import type { TileItem } from '../layout/items';
import type { Viewport } from '../layout/useViewport';
import { Tile } from '../tiles/Tile';
import classes from './GridView.module.css';
import { Pager } from './Pager';
import { useSwipe } from './useSwipe';

const gap = 8;

/** How many tiles a page of the grid holds. */
export const gridPageSize = (viewport: Viewport): number => (viewport.phone ? 10 : 25);

interface Props {
  items: TileItem[];
  viewport: Viewport;
  pinned: string | undefined;
  onPin: (key: string) => void;
  /** Called for a swipe back from the first page. */
  onSwipeBack: () => void;
}

/** Everybody at the same size, as large as fits. */
export function GridView({ items, viewport, pinned, onPin, onSwipeBack }: Props) {
  const { ref, width, height } = useElementSize();
  const [page, setPage] = useState(0);
  const perPage = gridPageSize(viewport);
  const pages = pageCount(items.length, perPage);
  const current = Math.min(page, pages - 1);
  const shown = pageOf(items, current, perPage);
  const layout = gridLayout(shown.length, width, height, gap, viewport.phone ? phoneColumns(shown.length) : undefined);
  const swipe = useSwipe((step) => {
    if (current + step < 0) onSwipeBack();
    else setPage(Math.min(pages - 1, current + step));
  });
  const tileWidth = Math.floor(layout.width);
  return (
    <div className={classes.view} data-paged={pages > 1 || undefined} {...swipe}>
      <div className={classes.area} ref={ref}>
        <ul style={{ width: tileWidth * layout.cols + gap * (layout.cols - 1) }}>
          {shown.map((item) => (
            <Tile key={item.key} item={item} pinned={item.key === pinned} onPin={onPin} style={{ width: tileWidth }} />
          ))}
        </ul>
      </div>
      {pages > 1 && <Pager page={current} pages={pages} onPage={setPage} />}
    </div>
  );
}
