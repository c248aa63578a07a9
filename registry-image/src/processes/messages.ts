import type { LoginEvent } from '../auth/login-throttle.ts';
import type { Config } from '../config/schema.ts';

/** What the first process of a server says to the others. */
export type ToSibling =
  | { readonly type: 'start'; readonly config: Config; readonly port: number }
  | { readonly type: 'stop' }
  /** Load the TLS files again, as SIGHUP asks of the first. */
  | { readonly type: 'reload' }
  | { readonly type: 'login'; readonly event: LoginEvent };

/** What the others say to the first. */
export type FromSibling =
  /** Counts among the processes of the index from now on, by this id. */
  { readonly type: 'joined'; readonly processId: string } | { readonly type: 'login'; readonly event: LoginEvent };
