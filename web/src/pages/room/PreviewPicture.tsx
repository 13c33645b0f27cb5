import { Button } from '@mantine/core';
import { IconMicrophone, IconMicrophoneOff, IconRefresh, IconVideo, IconVideoOff } from '@tabler/icons-react';
import { useEffect, useRef } from 'react';
import { useText } from '../../i18n/I18n';
import type { ErrorCode } from '../../lib/errors';
import classes from './PreviewPicture.module.css';
import type { Preview } from './usePreview';

/** The own camera, mirrored, with both switches on it. Trouble with the camera is explained here. */
export function PreviewPicture({ preview }: { preview: Preview }) {
  const text = useText();
  const { mic, camera, choice } = preview;
  const micOn = choice.audioOn && mic.status !== 'failed';
  const cameraOn = choice.videoOn && camera.status !== 'failed';
  return (
    <div className={classes.frame}>
      {camera.status === 'live' && <MirroredVideo track={camera.track} />}
      {camera.status === 'opening' && <p className={classes.note}>{text('check.preview.starting')}</p>}
      {camera.status === 'off' && <p className={classes.note}>{text('check.preview.off')}</p>}
      {camera.status === 'failed' && (
        <CameraTrouble
          code={camera.code}
          onRetry={() => {
            preview.retry('camera');
          }}
        />
      )}
      <div className={classes.switches}>
        <button
          type="button"
          className={classes.switch}
          aria-pressed={micOn}
          onClick={() => {
            if (mic.status === 'failed') preview.retry('mic');
            else preview.toggle('mic');
          }}
        >
          {micOn ? <IconMicrophone stroke={1.75} /> : <IconMicrophoneOff stroke={1.75} />}
          <span>{text(micOn ? 'check.mic.on' : 'check.mic.off')}</span>
        </button>
        <button
          type="button"
          className={classes.switch}
          aria-pressed={cameraOn}
          onClick={() => {
            if (camera.status === 'failed') preview.retry('camera');
            else preview.toggle('camera');
          }}
        >
          {cameraOn ? <IconVideo stroke={1.75} /> : <IconVideoOff stroke={1.75} />}
          <span>{text(cameraOn ? 'check.camera.on' : 'check.camera.off')}</span>
        </button>
      </div>
    </div>
  );
}

function MirroredVideo({ track }: { track: MediaStreamTrack }) {
  const text = useText();
  const video = useRef<HTMLVideoElement>(null);
  useEffect(() => {
    const element = video.current;
    if (!element) return;
    element.srcObject = new MediaStream([track]);
    return () => {
      element.srcObject = null;
    };
  }, [track]);
  return <video ref={video} className={classes.video} autoPlay muted playsInline aria-label={text('check.preview')} />;
}

function CameraTrouble({ code, onRetry }: { code: ErrorCode; onRetry: () => void }) {
  const text = useText();
  return (
    <div className={classes.trouble} role="alert" data-testid="error-state" data-code={code}>
      <span className={classes.pict}>
        <IconVideoOff size={32} stroke={1.5} aria-hidden="true" />
      </span>
      <h2>{text(`error.${code}.title`)}</h2>
      <p>{text(`error.${code}.text`)}</p>
      <Button variant="default" data-size="sm" onClick={onRetry} leftSection={<IconRefresh size={18} />}>
        {text('error.retry')}
      </Button>
    </div>
  );
}
