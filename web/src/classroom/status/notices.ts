import type { MessageId } from '../../i18n/en';
import type { DeviceErrorCode } from '../../lib/errors';
import type { Quality } from '../room/people';

/** Short-lived news for the slot beside the controls. */
export type NoticeKind =
  | 'micDenied'
  | 'cameraDenied'
  | 'micMissing'
  | 'cameraMissing'
  | 'micBusy'
  | 'cameraBusy'
  | 'shareBlocked'
  | 'notPermitted'
  | 'linkCopied';

/** Everything that the slot can show, the most urgent first. */
export type HintKind = 'sound' | 'pushToTalk' | NoticeKind | 'micSystem' | 'lost' | 'slow' | 'alone';

export interface HintInput {
  soundBlocked: boolean;
  pushToTalk: boolean;
  notice: NoticeKind | undefined;
  micSystemMuted: boolean;
  quality: Quality;
  alone: boolean;
}

/** Chooses the one hint that is shown; undefined if all is well. */
export function chooseHint(input: HintInput): HintKind | undefined {
  if (input.soundBlocked) return 'sound';
  if (input.pushToTalk) return 'pushToTalk';
  if (input.notice !== undefined) return input.notice;
  if (input.micSystemMuted) return 'micSystem';
  if (input.quality === 'lost') return 'lost';
  if (input.quality === 'poor') return 'slow';
  return input.alone ? 'alone' : undefined;
}

export const hintText: Record<HintKind, MessageId> = {
  sound: 'hint.sound',
  pushToTalk: 'hint.pushToTalk',
  micDenied: 'hint.micDenied',
  cameraDenied: 'hint.cameraDenied',
  micMissing: 'hint.micMissing',
  cameraMissing: 'hint.cameraMissing',
  micBusy: 'hint.micBusy',
  cameraBusy: 'hint.cameraBusy',
  shareBlocked: 'hint.shareBlocked',
  notPermitted: 'hint.notPermitted',
  linkCopied: 'more.linkCopied',
  micSystem: 'hint.micSystem',
  lost: 'hint.lost',
  slow: 'hint.slow',
  alone: 'call.alone',
};

const deviceNotices: Record<DeviceErrorCode, NoticeKind> = {
  'mic-denied': 'micDenied',
  'mic-missing': 'micMissing',
  'mic-busy': 'micBusy',
  'camera-denied': 'cameraDenied',
  'camera-missing': 'cameraMissing',
  'camera-busy': 'cameraBusy',
};

/** The notice for a device that failed. */
export const noticeOfDevice = (code: DeviceErrorCode): NoticeKind => deviceNotices[code];
