import type { LoginEvent } from '../auth/login-throttle.ts';
import type { Config } from '../config/schema.ts';

/** What the first process of a server says to the others. */
export type ToSibling =
  | { readonly type: 'start'; readonly config: Config; readonly port: number }
  | { readonly type: 'stop' }
  | { readonly type: 'login'; readonly event: LoginEvent };

/** What the others say to the first. */
export type FromSibling =
  /** Takes requests from now on. */
  { readonly type: 'ready'; readonly processId: string } | { readonly type: 'login'; readonly event: LoginEvent };
