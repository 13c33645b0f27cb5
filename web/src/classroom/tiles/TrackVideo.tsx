import type { VideoTrack } from 'livekit-client';
import { useEffect, useRef, useState } from 'react';
import classes from './Tile.module.css';

interface Props {
  track: VideoTrack;
  mirrored?: boolean;
  /** `contain` shows all of it, `cover` fills the tile unless the picture is upright. */
  fit?: 'cover' | 'contain';
  className?: string | undefined;
  onSize?: (width: number, height: number) => void;
}

/** Shows a video track; the sound is played elsewhere. */
export function TrackVideo({ track, mirrored = false, fit = 'cover', className = '', onSize }: Props) {
  const element = useRef<HTMLVideoElement>(null);
  const [upright, setUpright] = useState(false);
  useEffect(() => {
    const video = element.current;
    if (!video) return;
    track.attach(video);
    return () => {
      track.detach(video);
    };
  }, [track]);
  return (
    <video
      ref={element}
      className={`${classes.video ?? ''} ${className}`}
      data-mirrored={mirrored || undefined}
      data-fit={upright ? 'contain' : fit}
      autoPlay
      muted
      playsInline
      aria-hidden="true"
      onResize={(event) => {
        const { videoWidth, videoHeight } = event.currentTarget;
        setUpright(videoHeight > videoWidth);
        onSize?.(videoWidth, videoHeight);
      }}
    />
  );
}
