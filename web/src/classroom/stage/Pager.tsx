import { IconChevronLeft, IconChevronRight } from '@tabler/icons-react';
import { useText } from '../../i18n/I18n';
import classes from './Pager.module.css';

interface Props {
  page: number;
  pages: number;
  onPage: (page: number) => void;
}

/** Arrows with a page number; dots on a phone, where one swipes. */
export function Pager({ page, pages, onPage }: Props) {
  const text = useText();
  return (
    <div className={classes.pager}>
      <span className={`num ${classes.count ?? ''}`} aria-label={text('call.page', { page: page + 1, pages })} role="img">
        {page + 1}/{pages}
      </span>
      <span className={classes.row}>
        <button
          type="button"
          aria-label={text('call.page.previous')}
          disabled={page === 0}
          onClick={() => {
            onPage(page - 1);
          }}
        >
          <IconChevronLeft size={20} stroke={1.75} />
        </button>
        <button
          type="button"
          aria-label={text('call.page.next')}
          disabled={page >= pages - 1}
          onClick={() => {
            onPage(page + 1);
          }}
        >
          <IconChevronRight size={20} stroke={1.75} />
        </button>
      </span>
      <span className={classes.dots} aria-hidden="true">
        {Array.from({ length: pages }, (_, index) => (
          <i key={index} data-on={index === page || undefined} />
        ))}
      </span>
    </div>
  );
}
