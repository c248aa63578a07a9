import type { z } from 'zod';
import type { ConfigurationFault } from '../errors/configuration-error.ts';
import { nearest } from './nearest.ts';
import { valueAt } from './raw-config.ts';
import { childNode, nodeAt } from './schema-tree.ts';
import { HIDDEN, isSecret, withoutCredentials } from './secrets.ts';

/** Where a value came from, such as `line 12` or `REGISTRY_HTTP_ADDR`; `undefined` when that is not known. */
export type Origin = (path: readonly PropertyKey[]) => string | undefined;

const TYPES: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a section of keys',
  record: 'a section of keys',
};

/** The wording of what the schema has no words of its own for. */
export function describeIssue(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case 'invalid_type': {
      const expected = TYPES[issue.expected] ?? issue.expected;
      return issue.input === undefined ? `is missing; it must be ${expected}` : `must be ${expected}`;
    }
    case 'invalid_value':
      return `must be ${issue.values.length === 1 ? '' : 'one of '}${issue.values.join(', ')}`;
    case 'too_small':
      return amount(issue, `at least ${issue.minimum}`);
    case 'too_big':
      return amount(issue, `at most ${issue.maximum}`);
    case 'invalid_format':
      return issue.prefix === undefined ? undefined : `must start with ${issue.prefix}`;
    default:
      return undefined;
  }
}

function amount({ origin }: { origin: string }, bound: string): string {
  if (origin === 'string') return `must have ${bound} character(s)`;
  return origin === 'array' ? `must have ${bound} item(s)` : `must be ${bound}`;
}

/** Everything that the schema found, each with the value it received unless that is a secret or a whole section. */
export function faultsOf(error: z.ZodError, value: unknown, origin: Origin): readonly ConfigurationFault[] {
  return error.issues.flatMap((issue) => {
    if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownKey([...issue.path, key], origin));
    const received = describeReceived(issue.path, valueAt(value, issue.path), origin);
    return [{ path: issue.path.join('.'), message: issue.message + received }];
  });
}

function describeReceived(path: readonly PropertyKey[], value: unknown, origin: Origin): string {
  const from = origin(path);
  if (value === undefined) return '';
  const received = typeof value === 'object' ? undefined : `received ${shown(path, value)}`;
  const notes = [received, from].filter((note) => note !== undefined);
  return notes.length === 0 ? '' : ` (${notes.join(', ')})`;
}

function shown(path: readonly PropertyKey[], value: unknown): string {
  return isSecret(path) ? HIDDEN : JSON.stringify(typeof value === 'string' ? withoutCredentials(value) : value);
}

function unknownKey(path: readonly PropertyKey[], origin: Origin): ConfigurationFault {
  const section = nodeAt(path.slice(0, -1));
  const known = section?.kind === 'section' ? Object.keys(section.keys) : [];
  const readable = known.filter((key) => childNode(section, key)?.kind !== 'refused');
  const meant = nearest(String(path.at(-1)), readable);
  const advice = meant === undefined ? `known here are ${readable.join(', ')}` : `did you mean ${meant}?`;
  const from = origin(path);
  return {
    path: path.join('.'),
    message: `is not a key of this file; ${advice}${from === undefined ? '' : ` (${from})`}`,
  };
}
