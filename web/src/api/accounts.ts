/** The account API, one function for each thing that a page asks for. */
import { session } from '../session/session';
import { call } from './call';
import { send } from './http';
import type { Device, DevMail, Newcomer, People, Privacy, Profile, ProfileChange, Session, TotpSecret, User } from './types';

const api = '/api/v1';

async function enter(path: string, body: unknown): Promise<User> {
  const answer = (await send(`${api}${path}`, { method: 'POST', body })).body as Session;
  session.adopt(answer);
  return answer.user;
}

export const isSetupNeeded = async (): Promise<boolean> =>
  ((await send(`${api}/setup`)).body as { needed: boolean }).needed;

/** Makes the first account, which owns the instance, and signs it in. */
export const setUp = (owner: Newcomer & { token: string }): Promise<User> => enter('/setup', owner);

export const login = (credentials: { email: string; password: string; code?: string }): Promise<User> =>
  enter('/auth/login', credentials);

export const verifyEmail = (token: string): Promise<User> => enter('/auth/verify-email', { token });

export async function register(newcomer: Newcomer): Promise<void> {
  await send(`${api}/auth/register`, { method: 'POST', body: newcomer });
}

export async function forgotPassword(email: string): Promise<void> {
  await send(`${api}/auth/password/forgot`, { method: 'POST', body: { email } });
}

export async function resetPassword(token: string, password: string): Promise<void> {
  await send(`${api}/auth/password/reset`, { method: 'POST', body: { token, password } });
}

/** Ends the session here and at the server. It stays if the server does not answer: the cookie would outlive it. */
export async function logout(): Promise<void> {
  await send(`${api}/auth/logout`, { method: 'POST' });
  session.leave();
}

/** Reads the person anew, for what other requests changed about it. */
export async function reloadUser(): Promise<void> {
  session.changed((await call(`${api}/auth/user`)).body as User);
}

export async function changePassword(current: string, fresh: string): Promise<void> {
  await call(`${api}/account/password`, { method: 'POST', body: { current, new: fresh } });
}

export async function getDevices(): Promise<Device[]> {
  return ((await call(`${api}/account/sessions`)).body as { items: Device[] }).items;
}

export async function endDevice(id: string): Promise<void> {
  await call(`${api}/account/sessions/${encodeURIComponent(id)}`, { method: 'DELETE' });
}

export async function endOtherDevices(): Promise<void> {
  await call(`${api}/account/sessions`, { method: 'DELETE' });
}

export async function beginTotp(): Promise<TotpSecret> {
  return (await call(`${api}/account/totp`, { method: 'POST' })).body as TotpSecret;
}

export async function confirmTotp(code: string): Promise<string[]> {
  const { body } = await call(`${api}/account/totp/confirm`, { method: 'POST', body: { code } });
  await reloadUser();
  return (body as { recovery_codes: string[] }).recovery_codes;
}

export async function disableTotp(password: string, code: string): Promise<void> {
  await call(`${api}/account/totp`, { method: 'DELETE', body: { password, code } });
  await reloadUser();
}

/** A profile and the version of it that a change has to name. */
export interface VersionedProfile {
  profile: Profile;
  etag: string | undefined;
}

export async function getProfile(): Promise<VersionedProfile> {
  const { body, etag } = await call(`${api}/account/profile`);
  return { profile: body as Profile, etag };
}

export async function changeProfile(change: ProfileChange, ifMatch: string | undefined): Promise<VersionedProfile> {
  const { body, etag } = await call(`${api}/account/profile`, { method: 'PATCH', body: change, ifMatch });
  await reloadUser();
  return { profile: body as Profile, etag };
}

export async function getPrivacy(): Promise<Privacy> {
  return (await call(`${api}/account/privacy`)).body as Privacy;
}

export async function changePrivacy(privacy: Privacy): Promise<Privacy> {
  await call(`${api}/account/privacy`, { method: 'PUT', body: privacy });
  return privacy;
}

export async function getPeople(query: string, cursor: string | undefined): Promise<People> {
  const search = new URLSearchParams({ limit: '20' });
  if (query !== '') search.set('query', query);
  if (cursor !== undefined) search.set('cursor', cursor);
  return (await call(`${api}/admin/users?${search.toString()}`)).body as People;
}

const person = (id: string) => `${api}/admin/users/${encodeURIComponent(id)}`;

export async function blockPerson(id: string, reason: string): Promise<void> {
  await call(`${person(id)}/block`, { method: 'POST', body: { reason } });
}

export async function unblockPerson(id: string): Promise<void> {
  await call(`${person(id)}/block`, { method: 'DELETE' });
}

export async function mailPasswordReset(id: string): Promise<void> {
  await call(`${person(id)}/reset-password`, { method: 'POST' });
}

export async function setRoles(id: string, roles: string[]): Promise<void> {
  await call(`${person(id)}/roles`, { method: 'PUT', body: { roles } });
}

/** Mails that were written here, newest first. Development mode only. */
export async function getDevMails(): Promise<DevMail[]> {
  return ((await send(`${api}/dev/mails`)).body as { items: DevMail[] }).items;
}
