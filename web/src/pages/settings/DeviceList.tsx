import { Button } from '@mantine/core';
import { IconDeviceLaptop, IconDeviceMobile } from '@tabler/icons-react';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { FormattedRelativeTime, useIntl } from 'react-intl';
import { endDevice, endOtherDevices, getDevices } from '../../api/accounts';
import { problemOf } from '../../api/problem';
import type { Device } from '../../api/types';
import { ConfirmDialog } from '../../components/ConfirmDialog';
import { LoadError, RowsSkeleton } from '../../components/ListStates';
import { Badge, Card, Row } from '../../components/Surface';
import { useText, type Translate } from '../../i18n/I18n';
import { deviceName } from '../../lib/device';
import { formProblem } from '../../lib/formProblem';
import { toast } from '../../lib/toasts';
import classes from './Settings.module.css';

export const devicesKey = ['devices'];

/** Where the account is signed in, this browser first, and a way to end each. */
export function DeviceList() {
  const text = useText();
  const client = useQueryClient();
  const query = useQuery({ queryKey: devicesKey, queryFn: getDevices });
  const [asking, setAsking] = useState(false);
  const devices = [...(query.data ?? [])].sort((a, b) => Number(b.current) - Number(a.current));
  const others = devices.filter((device) => !device.current);

  const end = async (device: Device) => {
    try {
      await endDevice(device.id);
      client.setQueryData<Device[]>(devicesKey, (before) => before?.filter(({ id }) => id !== device.id));
      toast({ kind: 'ok', title: text('devices.ended', { name: nameOf(device, text) }) });
    } catch (error) {
      const { message } = formProblem(problemOf(error), []);
      toast({ kind: 'bad', title: text('devices.notEnded'), text: message && text(message) });
    }
  };

  return (
    <>
      <div className={classes.line}>
        <h3>{text('devices.title')}</h3>
        {others.length > 0 && (
          <Button
            variant="subtle-danger"
            data-testid="end-others"
            onClick={() => {
              setAsking(true);
            }}
          >
            {text('devices.endOthers')}
          </Button>
        )}
      </div>
      {query.isPending && <RowsSkeleton rows={2} />}
      {query.isError && <LoadError error={query.error} onRetry={() => void query.refetch()} />}
      {query.data && (
        <Card rows as="ul">
          {devices.map((device) => (
            <li key={device.id} data-testid="device">
              <DeviceRow device={device} onEnd={() => void end(device)} />
            </li>
          ))}
        </Card>
      )}
      {asking && (
        <ConfirmDialog
          title={text('devices.endOthers.title')}
          losses={[text('devices.endOthers.loss', { count: others.length })]}
          keeps={[text('devices.endOthers.keep')]}
          confirm={text('devices.endOthers.confirm')}
          cancel={text('devices.endOthers.cancel')}
          onConfirm={async () => {
            await endOtherDevices();
            await client.invalidateQueries({ queryKey: devicesKey });
            toast({ kind: 'ok', title: text('devices.endedOthers') });
          }}
          onClose={() => {
            setAsking(false);
          }}
        />
      )}
    </>
  );
}

function nameOf({ device }: Device, text: Translate): string {
  const { browser, system } = deviceName(device);
  if (browser !== undefined && system !== undefined) return text('devices.name', { browser, system });
  return browser ?? system ?? text('devices.unknown');
}

function DeviceRow({ device, onEnd }: { device: Device; onEnd: () => void }) {
  const text = useText();
  const intl = useIntl();
  const name = nameOf(device, text);
  const Icon = deviceName(device.device).isPhone ? IconDeviceMobile : IconDeviceLaptop;
  const seen = Date.parse(device.last_seen_at);
  const seconds = Math.round((seen - Date.now()) / 1000);
  const about = (
    <>
      {device.address} ·{' '}
      {device.current ? (
        text('devices.now')
      ) : (
        <time dateTime={device.last_seen_at} title={intl.formatDate(seen, { dateStyle: 'full', timeStyle: 'short' })}>
          <FormattedRelativeTime value={Math.min(0, seconds)} numeric="auto" updateIntervalInSeconds={60} />
        </time>
      )}
    </>
  );
  return (
    <Row icon={<Icon size={20} stroke={1.75} aria-hidden="true" />} title={name} about={about}>
      {device.current ? (
        <Badge kind="ok">{text('devices.this')}</Badge>
      ) : (
        <Button variant="default" size="sm" aria-label={text('devices.end.long', { name })} onClick={onEnd}>
          {text('devices.end')}
        </Button>
      )}
    </Row>
  );
}
