import { adviceFor } from './doctor-advice.ts';

export type Verdict = 'ok' | 'failed' | 'skipped';

/** What a doctor is about to try. */
export interface CheckSubject {
  /** Such as `read-range`: stable, for scripts. */
  readonly action: string;
  /** The rights that it needs, by the provider's names. */
  readonly permissions: readonly string[];
  /** What it works on. */
  readonly resource: string;
}

/** What came of it: one line for people, one object for scripts. */
export interface Check extends CheckSubject {
  readonly verdict: Verdict;
  /** How long it took. */
  readonly milliseconds: number;
  /** What was found out when it went well, why it was skipped, or what went wrong. */
  readonly message?: string;
  /** What to do when it failed, as far as the message does not say. */
  readonly advice?: string;
}

/** What a check found out beyond that all is well; or why there was nothing to find out. */
export interface CheckOutcome {
  readonly note?: string;
  readonly skipped?: string;
}

/** Longer than all tries of a driver together; what takes longer hangs. */
const LIMIT_MS = 120_000;

/** Tries one thing, and never throws: what goes wrong is the verdict. @param stop gives up on it */
export async function check(
  subject: CheckSubject,
  run: () => Promise<CheckOutcome>,
  stop?: AbortSignal,
): Promise<Check> {
  const started = performance.now();
  const finished = (verdict: Verdict, message?: string, advice?: string): Check => ({
    ...subject,
    verdict,
    milliseconds: Math.round(performance.now() - started),
    ...(message !== undefined && { message }),
    ...(advice !== undefined && { advice }),
  });
  if (stop?.aborted) return finished('skipped', 'the check was interrupted');
  try {
    const { note, skipped } = await within(run(), stop);
    return skipped === undefined ? finished('ok', note) : finished('skipped', skipped);
  } catch (error) {
    if (stop?.aborted) return finished('skipped', 'the check was interrupted');
    return finished('failed', messageOf(error), adviceFor(error));
  }
}

/** A check that makes no sense, because of what was found before. */
export function skipped(subject: CheckSubject, why: string): Check {
  return { ...subject, verdict: 'skipped', milliseconds: 0, message: why };
}

/**
 * Rights that are missing most likely, when other checks show that the rest works: those that a failure names, or else all that
 * only failed checks need.
 */
export function missingPermissions(checks: readonly Check[]): string[] {
  const proven = new Set(checks.filter(({ verdict }) => verdict === 'ok').flatMap(({ permissions }) => permissions));
  if (proven.size === 0) return [];
  const suspects = checks
    .filter(({ verdict }) => verdict === 'failed')
    .flatMap(({ permissions, message = '' }) => {
      const unproven = permissions.filter((permission) => !proven.has(permission));
      const named = unproven.filter((permission) => message.includes(permission));
      return named.length > 0 ? named : unproven;
    });
  return [...new Set(suspects)];
}

/** Node's error for a host with several addresses has no message of its own. */
function messageOf(error: unknown): string {
  const { message, errors } = error as Partial<AggregateError>;
  if (message) return message;
  return errors?.map((one) => (one as Error).message).join('; ') || String(error);
}

async function within<T>(work: Promise<T>, stop?: AbortSignal): Promise<T> {
  const limit = AbortSignal.timeout(LIMIT_MS);
  const signal = stop === undefined ? limit : AbortSignal.any([stop, limit]);
  return Promise.race([
    work,
    new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(new Error(`there was no answer within ${LIMIT_MS / 1000} s`)), {
        once: true,
      });
    }),
  ]);
}
