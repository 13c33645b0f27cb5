import { Select } from '@mantine/core';
import { useIntl } from 'react-intl';
import { useText } from '../i18n/I18n';

const zones = Intl.supportedValuesOf('timeZone');

interface Props {
  name: string;
  value: string;
  error: string | undefined;
  onChange: (value: string | null) => void;
}

/** Chooses a time zone; the time there shows whether it is the right one. */
export function TimeZoneSelect({ value, ...select }: Props) {
  const text = useText();
  const intl = useIntl();
  const known = value === '' || zones.includes(value) ? zones : [value, ...zones];
  const time = value === '' ? '' : intl.formatTime(Date.now(), { timeZone: value, timeZoneName: 'short' });
  return (
    <Select
      {...select}
      value={value}
      data={known}
      searchable
      limit={60}
      label={text('field.timeZone')}
      description={text('field.timeZone.now', { time })}
      nothingFoundMessage={text('field.nothingFound')}
    />
  );
}
