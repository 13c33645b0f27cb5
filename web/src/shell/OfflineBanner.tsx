import { useNetwork } from '@mantine/hooks';
import { IconWifiOff } from '@tabler/icons-react';
import { useText } from '../i18n/I18n';
import classes from './OfflineBanner.module.css';

/** Says that the browser has no network; goes by itself. */
export function OfflineBanner() {
  const text = useText();
  const { online } = useNetwork();
  return (
    <div role="status">
      {!online && (
        <p className={classes.banner} data-testid="offline-banner">
          <IconWifiOff size={20} stroke={1.75} aria-hidden="true" />
          {text('offline.banner')}
        </p>
      )}
    </div>
  );
}
