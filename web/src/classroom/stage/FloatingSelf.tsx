import { useRef, useState, type PointerEvent } from 'react';
import { useText } from '../../i18n/I18n';
import type { TileItem } from '../layout/items';
import { Tile } from '../tiles/Tile';
import { cornerByKey, loadCorner, nearestCorner, saveCorner, type Corner } from './corners';
import classes from './FloatingSelf.module.css';
import { noSwipe } from './useSwipe';

interface Point {
  x: number;
  y: number;
}

/** The own picture above somebody else's: dragged or sent by arrow keys into any corner. */
export function FloatingSelf({ item }: { item: TileItem }) {
  const text = useText();
  const frame = useRef<HTMLDivElement>(null);
  const start = useRef<Point>(undefined);
  const [corner, setCorner] = useState(loadCorner);
  const [moved, setMoved] = useState<Point>();

  const moveTo = (next: Corner) => {
    setCorner(next);
    saveCorner(next);
  };
  const drop = () => {
    const own = frame.current?.getBoundingClientRect();
    const area = frame.current?.offsetParent?.getBoundingClientRect();
    start.current = undefined;
    setMoved(undefined);
    if (!moved || !own || !area) return;
    moveTo(
      nearestCorner(
        (own.left + own.width / 2 - area.left) / area.width,
        (own.top + own.height / 2 - area.top) / area.height,
      ),
    );
  };
  const drag = (event: PointerEvent) => {
    const from = start.current;
    if (from) setMoved({ x: event.clientX - from.x, y: event.clientY - from.y });
  };

  return (
    <div
      ref={frame}
      className={classes.frame}
      data-corner={corner}
      data-testid="self-view"
      {...noSwipe}
      style={moved && { transform: `translate(${moved.x}px, ${moved.y}px)` }}
    >
      <ul>
        <Tile item={item} small />
      </ul>
      <button
        type="button"
        className={classes.handle}
        aria-label={text('call.self.move', { corner })}
        title={text('call.self.hint')}
        onPointerDown={(event) => {
          if (event.button !== 0) return;
          event.currentTarget.setPointerCapture(event.pointerId);
          start.current = { x: event.clientX, y: event.clientY };
        }}
        onPointerMove={drag}
        onPointerUp={drop}
        onPointerCancel={() => {
          start.current = undefined;
          setMoved(undefined);
        }}
        onKeyDown={(event) => {
          const next = cornerByKey(corner, event.key);
          if (next === undefined) return;
          event.preventDefault();
          moveTo(next);
        }}
      />
    </div>
  );
}
