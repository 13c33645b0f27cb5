/** What the account API speaks; names are those of its OpenAPI document. */

export interface User {
  id: string;
  email: string;
  email_verified: boolean;
  name: string;
  about: string;
  /** Two letters, or empty. */
  country: string;
  time_zone: string;
  locale: string;
  avatar_url: string | null;
  roles: string[];
  permissions: string[];
  two_factor: boolean;
  created_at: string;
}

/** What signing in gives: a token for a while; the refresh token stays in a cookie. */
export interface Session {
  access_token: string;
  /** Seconds. */
  expires_in: number;
  user: User;
}

export type Profile = Pick<User, 'name' | 'about' | 'country' | 'time_zone' | 'locale' | 'avatar_url'>;

/** One place where the account is signed in. */
export interface Device {
  id: string;
  /** What the browser calls itself. */
  device: string;
  address: string;
  created_at: string;
  last_seen_at: string;
  current: boolean;
}

export type Audience = 'everyone' | 'contacts' | 'nobody';

export interface Privacy {
  last_seen: Audience;
  photo: Audience;
  about: Audience;
  read_receipts: boolean;
}

/** An account as an administrator sees it. */
export interface Person extends User {
  blocked_at: string | null;
  blocked_reason: string | null;
}

export interface Page<Item> {
  items: Item[];
  next_cursor: string | null;
  total: number;
}

/** A mail that was not sent, since this is development mode. */
export interface DevMail {
  id: string;
  to: string;
  subject: string;
  text: string;
  created_at: string;
}

export interface TotpSecret {
  secret: string;
  uri: string;
}
