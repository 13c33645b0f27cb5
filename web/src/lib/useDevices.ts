import { useEffect, useState } from 'react';

export interface DeviceLists {
  audioinput: MediaDeviceInfo[];
  audiooutput: MediaDeviceInfo[];
  videoinput: MediaDeviceInfo[];
}

const none: DeviceLists = { audioinput: [], audiooutput: [], videoinput: [] };

/** Lists devices and follows changes. Names appear after permission, so ask again when `key` changes. */
export function useDevices(key: unknown): DeviceLists {
  const [lists, setLists] = useState(none);
  useEffect(() => {
    if (!('mediaDevices' in navigator)) return;
    let current = true;
    const load = () => {
      navigator.mediaDevices.enumerateDevices().then(
        (all) => {
          if (!current) return;
          const named = all.filter((device) => device.deviceId !== '');
          setLists({
            audioinput: named.filter((device) => device.kind === 'audioinput'),
            audiooutput: named.filter((device) => device.kind === 'audiooutput'),
            videoinput: named.filter((device) => device.kind === 'videoinput'),
          });
        },
        () => {
          if (current) setLists(none);
        },
      );
    };
    load();
    navigator.mediaDevices.addEventListener('devicechange', load);
    return () => {
      current = false;
      navigator.mediaDevices.removeEventListener('devicechange', load);
    };
  }, [key]);
  return lists;
}

/** Whether the browser lets a page choose where its sound goes. */
export const canPickSpeaker = (): boolean => 'setSinkId' in HTMLMediaElement.prototype;
