import { Select } from '@mantine/core';
import { IconAlertCircle, IconChevronDown, IconMicrophone, IconVideo, IconVolume, type Icon } from '@tabler/icons-react';
import { useState, type ReactNode } from 'react';
import { useText } from '../../i18n/I18n';
import { canPickSpeaker, useDevices } from '../../lib/useDevices';
import classes from './DevicePickers.module.css';
import { playTestSound } from './testSound';
import { useMicLevel } from './useMicLevel';
import type { Preview } from './usePreview';

const meterSteps = 12;

/** Which microphone, speaker and camera; what the microphone hears; a sound to try. */
export function DevicePickers({ preview }: { preview: Preview }) {
  const text = useText();
  const { choice, mic, camera } = preview;
  const lists = useDevices(`${mic.status} ${camera.status}`);
  return (
    <div className={classes.devices} data-columns={canPickSpeaker() ? 3 : 2}>
      <Picker
        label={text('check.microphone')}
        icon={IconMicrophone}
        devices={lists.audioinput}
        missing={mic.status === 'failed' && mic.code === 'mic-missing'}
        value={choice.audioInput}
        onChange={(id) => {
          preview.pick('mic', id);
        }}
      >
        {mic.status === 'failed' ? (
          <p className={classes.trouble} role="alert" data-testid="error-state" data-code={mic.code}>
            <IconAlertCircle size={16} aria-hidden="true" />
            <span>
              <b>{text(`error.${mic.code}.title`)}.</b> {text(`error.${mic.code}.text`)}{' '}
              <button
                type="button"
                onClick={() => {
                  preview.retry('mic');
                }}
              >
                {text('error.retry')}
              </button>
            </span>
          </p>
        ) : (
          <Level track={mic.status === 'live' ? mic.track : undefined} />
        )}
      </Picker>
      {canPickSpeaker() && (
        <Picker
          label={text('check.speaker')}
          icon={IconVolume}
          devices={lists.audiooutput}
          value={choice.audioOutput}
          onChange={preview.pickSpeaker}
        >
          <TestSound speaker={choice.audioOutput} />
        </Picker>
      )}
      <Picker
        label={text('check.camera')}
        icon={IconVideo}
        devices={lists.videoinput}
        missing={camera.status === 'failed' && camera.code === 'camera-missing'}
        value={choice.videoInput}
        onChange={(id) => {
          preview.pick('camera', id);
        }}
      />
    </div>
  );
}

interface PickerProps {
  label: string;
  icon: Icon;
  devices: MediaDeviceInfo[];
  value: string;
  /** There is no such device, as far as the browser may tell. */
  missing?: boolean;
  onChange: (deviceId: string) => void;
  children?: ReactNode;
}

function Picker({ label, icon: IconOf, devices, value, missing = false, onChange, children }: PickerProps) {
  const text = useText();
  const options = devices.map((device, index) => ({
    value: device.deviceId,
    label: device.label !== '' ? device.label : text('check.device.number', { kind: label, number: index + 1 }),
  }));
  const fallback = options[0]?.value ?? null;
  return (
    <div>
      <Select
        label={label}
        classNames={{ label: classes.label ?? '', input: classes.input ?? '', section: classes.section ?? '' }}
        leftSectionWidth={44}
        data={options}
        value={options.some((option) => option.value === value) ? value : fallback}
        placeholder={text(missing ? 'check.device.none' : 'check.device.default')}
        disabled={options.length === 0}
        leftSection={<IconOf size={20} stroke={1.75} />}
        rightSection={<IconChevronDown size={16} stroke={2} />}
        rightSectionPointerEvents="none"
        onChange={(id) => {
          if (id !== null) onChange(id);
        }}
      />
      <div className={classes.under}>{children}</div>
    </div>
  );
}

function Level({ track }: { track: MediaStreamTrack | undefined }) {
  const text = useText();
  const level = useMicLevel(track, meterSteps);
  const [heard, setHeard] = useState(false);
  if (level > 2 && !heard) setHeard(true);
  const word = !track ? 'check.level.off' : heard ? 'check.level.heard' : 'check.level.silent';
  return (
    <>
      <span
        className={classes.meter}
        role="meter"
        aria-label={text('check.level')}
        aria-valuemin={0}
        aria-valuemax={meterSteps}
        aria-valuenow={track ? level : 0}
      >
        {Array.from({ length: meterSteps }, (_, step) => (
          <i key={step} data-on={track !== undefined && step < level ? true : undefined} />
        ))}
      </span>
      <span>{text(word)}</span>
    </>
  );
}

function TestSound({ speaker }: { speaker: string }) {
  const text = useText();
  const [playing, setPlaying] = useState(false);
  return (
    <button
      type="button"
      className={classes.link}
      disabled={playing}
      onClick={() => {
        setPlaying(true);
        void playTestSound(speaker).finally(() => {
          setPlaying(false);
        });
      }}
    >
      {text(playing ? 'check.sound.playing' : 'check.sound.play')}
    </button>
  );
}
