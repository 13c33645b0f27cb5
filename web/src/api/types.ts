/** What the account API speaks, by the names of its description; `schema.ts` is made from that. */
import type { components } from './schema';

type Schemas = components['schemas'];

export type User = Schemas['User'];

/** What signing in gives: a token for a while; the refresh token stays in a cookie. */
export type Session = Schemas['Session'];
export type Profile = Schemas['Profile'];
export type ProfileChange = Schemas['ProfileChange'];

/** One place where the account is signed in; `device` is what the browser calls itself. */
export type Device = Schemas['ListedSession'];
export type Audience = Schemas['Visibility'];
export type Privacy = Schemas['Privacy'];

/** An account as an administrator sees it. */
export type Person = Schemas['Person'];
export type People = Schemas['People'];
export type TotpSecret = Schemas['TotpSecret'];
export type Newcomer = Schemas['RegisterBody'];

/** A mail that was not sent, since this is development mode; not part of the description. */
export interface DevMail {
  id: string;
  to: string;
  subject: string;
  text: string;
  created_at: string;
}
