import { Cron } from 'croner';
import { z } from 'zod';

/** A key of other registries that would change what this server does, and cannot: refused wherever it is set. */
export function notServed(error: string) {
  return z.never({ error }).optional();
}

/** A key of other registries of which this server knows one value only; any other is refused. */
export function only<const T extends string | boolean>(value: T, error: string) {
  return z.literal(value, { error }).optional();
}

/**
 * For checks over several keys: the check runs although other keys have faults, so that one report holds everything, and is left
 * out when one of the keys it reads is at fault itself. Faults below a key do not count: whether a section is there can be said
 * whatever is in it.
 *
 * @param keys dotted paths, seen from the section; `*` stands for each item of a list
 */
export function reads(...keys: readonly string[]): { when: (payload: z.core.ParsePayload) => boolean } {
  const read = keys.map((key) => key.split('.'));
  const spoils = (path: readonly PropertyKey[]) =>
    read.some((key) => path.every((part, at) => key[at] === '*' || key[at] === String(part)));
  // An unknown key is a fault of its own, and spoils no other.
  return {
    when: ({ issues }) => !issues.some(({ code, path = [] }) => code !== 'unrecognized_keys' && spoils(path)),
  };
}

/** Milliseconds per unit of a Go duration, which is what distribution's configuration uses (https://pkg.go.dev/time#ParseDuration). */
const MILLISECONDS: Record<string, number> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

const DURATION = /^(?:\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h))+$/;

/** Parses `1h30m`, `500ms` or `0` into milliseconds; `undefined` when the text is not a duration with units. */
export function parseDuration(text: string): number | undefined {
  if (text === '0') return 0;
  if (!DURATION.test(text)) return undefined;
  let total = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)/g)) {
    total += Number(amount) * (MILLISECONDS[unit as string] as number);
  }
  return total;
}

/**
 * A duration with a unit, such as `500ms`, `5m` or `168h`; the server sees milliseconds.
 * Bare numbers except 0 are refused: distribution reads them as nanoseconds, which nobody means.
 *
 * @param bounds smallest and largest duration allowed, in the same notation
 */
export function duration(bounds: { min?: string; max?: string } = {}) {
  return z
    .union([z.string(), z.number()], { error: 'must be a duration with a unit, such as 30s, 5m or 24h' })
    .transform((value, context) => {
      const parsed = typeof value === 'string' || value === 0 ? parseDuration(String(value)) : undefined;
      if (parsed === undefined) {
        const bare = /^\d+$/.test(String(value));
        context.addIssue({
          code: 'custom',
          message: bare
            ? `is a bare number; write its unit, such as ${value}ms or ${value}s (allowed units: ns, us, ms, s, m, h)`
            : 'must be a duration with a unit, such as 30s, 5m or 24h (allowed units: ns, us, ms, s, m, h)',
        });
        return z.NEVER;
      }
      const tooShort = bounds.min !== undefined && parsed < (parseDuration(bounds.min) as number);
      const tooLong = bounds.max !== undefined && parsed > (parseDuration(bounds.max) as number);
      if (tooShort || tooLong) {
        const allowed = [bounds.min && `at least ${bounds.min}`, bounds.max && `at most ${bounds.max}`].filter(Boolean);
        context.addIssue({ code: 'custom', message: `must be ${allowed.join(' and ')}` });
        return z.NEVER;
      }
      return parsed;
    });
}

export interface ListenAddress {
  /** Empty for every address of the machine, both families. */
  readonly host: string;
  readonly port: number;
}

/** Parses `host:port`, `:port` or `[::1]:port`; `undefined` when the text is none of them. */
export function parseListenAddress(text: string): ListenAddress | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s]*)):(\d{1,5})$/.exec(text);
  if (!match) return undefined;
  const port = Number(match[3]);
  return port <= 65_535 ? { host: match[1] ?? match[2] ?? '', port } : undefined;
}

/** `host:port` to listen on; the server sees it parsed. */
export function listenAddress() {
  return z.string().transform((value, context) => {
    const parsed = parseListenAddress(value);
    if (parsed === undefined) {
      context.addIssue({ code: 'custom', message: 'must be host:port, such as 127.0.0.1:5000, :5000 or [::1]:5000' });
      return z.NEVER;
    }
    return parsed;
  });
}

/** An absolute http or https URL without credentials in it. */
export function httpUrl() {
  return z.string().superRefine((value, context) => {
    const url = URL.canParse(value) ? new URL(value) : undefined;
    if (url === undefined || !['http:', 'https:'].includes(url.protocol)) {
      context.addIssue({ code: 'custom', message: 'must be an absolute http:// or https:// URL' });
    } else if (url.username !== '' || url.password !== '') {
      context.addIssue({ code: 'custom', message: 'must not carry a user name or password; use headers instead' });
    }
  });
}

/** The fault of a five-field cron schedule (minute, hour, day of month, month, day of week), or `undefined`. */
export function cronFault(schedule: string): string | undefined {
  const fields = schedule.trim().split(/\s+/);
  if (fields.length !== 5) {
    return `has ${fields.length} fields; a schedule has five: minute hour day-of-month month day-of-week, such as "5 4 * * 0"`;
  }
  try {
    new Cron(schedule, { paused: true }).stop();
    return undefined;
  } catch (error) {
    return `is not a cron schedule: ${(error as Error).message}; write five fields, such as "5 4 * * 0"`;
  }
}

/** A five-field cron schedule. */
export function cronSchedule() {
  return z.string().superRefine((value, context) => {
    const fault = cronFault(value);
    if (fault !== undefined) context.addIssue({ code: 'custom', message: fault });
  });
}

/** An IANA time zone name, such as `UTC` or `Europe/Vienna`. */
export function timeZone() {
  return z.string().refine((value) => {
    try {
      new Intl.DateTimeFormat('en', { timeZone: value });
      return true;
    } catch {
      return false;
    }
  }, 'must be an IANA time zone, such as UTC or Europe/Vienna');
}

/** A file or directory by its absolute path. */
export function absolutePath() {
  return z.string().refine((value) => value.startsWith('/'), 'must be an absolute path, starting with /');
}
