import { ConnectionError, ConnectionErrorReason, DisconnectReason } from 'livekit-client';
import { connectErrorCode, disconnectErrorCode, type ErrorCode } from '../../lib/errors';

/** The name of a disconnect reason, as the protocol spells it. */
const reasonName = (reason: DisconnectReason | undefined): string | undefined =>
  reason === undefined ? undefined : DisconnectReason[reason];

const number = (value: unknown): number | undefined => (typeof value === 'number' ? value : undefined);

/** Names the failure of `room.connect`; `expired` is what the token itself says. */
export function codeOfConnectError(error: unknown, expired: boolean): ErrorCode {
  if (!(error instanceof ConnectionError)) {
    return connectErrorCode(
      { status: undefined, message: error instanceof Error ? error.message : '', unreachable: false },
      expired,
    );
  }
  if (error.reason === ConnectionErrorReason.LeaveRequest) {
    const code = disconnectErrorCode(reasonName(error.context as DisconnectReason));
    if (code !== undefined && code !== 'connection-lost') return code;
  }
  const unreachable =
    error.reason === ConnectionErrorReason.ServerUnreachable ||
    error.reason === ConnectionErrorReason.Timeout ||
    error.reason === ConnectionErrorReason.WebSocket;
  return connectErrorCode({ status: number(error.status), message: error.message, unreachable }, expired);
}

/** Names why the room ended; undefined if the person left. */
export const codeOfDisconnect = (reason: DisconnectReason | undefined): ErrorCode | undefined =>
  disconnectErrorCode(reasonName(reason));
