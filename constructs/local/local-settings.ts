import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { hostname } from 'node:os';
import path from 'node:path';
import { parseDocument } from 'yaml';
import { z } from 'zod';
import { nearest } from '../../registry-image/src/config/nearest.ts';
import { cronSchedule, timeZone } from '../../registry-image/src/config/values.ts';
import { ConfigurationError, type ConfigurationFault } from '../../registry-image/src/errors/configuration-error.ts';
import { type RegistrySettings, renderConfig } from '../shared/registry-settings.ts';
import { settingsFaults } from '../shared/settings-faults.ts';

const HOST_NAME = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/i;

/** What the certificate of a registry on this computer is always good for, beside the name that clients use. */
const LOCAL_HOSTS = ['localhost', '127.0.0.1', '::1'];

function isHost(text: string): boolean {
  return isIP(text) !== 0 || HOST_NAME.test(text);
}

const garbageCollection = z.strictObject({
  schedule: cronSchedule(),
  timeZone: timeZone().default('UTC'),
  deleteUntagged: z.boolean().default(false),
  dryRun: z.boolean().default(false),
});

/** Options of settings/local.yml, which documents each of them. */
const localSettingsSchema = z.strictObject({
  port: z
    .int()
    .min(1, 'must be a port number, 1 to 65535')
    .max(65_535, 'must be a port number, 1 to 65535')
    .default(5000),
  host: z
    .string()
    .refine(isHost, 'must be a host name or an address, without scheme, port or path')
    .default('127.0.0.1'),
  listenHost: z
    .string()
    .refine((text) => isIP(text) !== 0, 'must be an address, such as 127.0.0.1 or 0.0.0.0')
    .default('127.0.0.1'),
  extraHosts: z.array(z.string().refine(isHost, 'must be a host name or an address')).default([]),
  dataDirectory: z.string().min(1, 'must be the path of a folder').default('.data/local'),
  deletes: z.boolean().default(true),
  readOnly: z.boolean().default(false),
  initialUser: z.string().default('admin'),
  anonymousPull: z.array(z.string()).default([]),
  garbageCollection: garbageCollection.optional(),
  logLevel: z.enum(['error', 'warn', 'info', 'debug']).default('info'),
  accessLog: z.boolean().default(true),
});

/** The options of settings/local.yml, defaults filled in. */
export type LocalSettings = z.output<typeof localSettingsSchema>;

/**
 * Reads settings/local.yml, or the file that the environment variable REGISTRY_LOCAL_SETTINGS names.
 *
 * @param repository root of the repository, where relative paths start
 * @throws ConfigurationError with every fault of the file
 */
export function readLocalSettings(repository: string, environment: NodeJS.ProcessEnv = process.env): LocalSettings {
  const name = environment['REGISTRY_LOCAL_SETTINGS'] ?? 'settings/local.yml';
  const document = parseDocument(readText(name, path.resolve(repository, name)));
  if (document.errors.length > 0) {
    // The first line names the place; the rest draws it.
    const faults = document.errors.map((error) => ({ path: '', message: error.message.split('\n')[0] as string }));
    throw new ConfigurationError(name, faults);
  }
  const values: unknown = document.toJS() ?? {};
  const result = localSettingsSchema.safeParse(values);
  if (!result.success) {
    const faults = result.error.issues.flatMap((issue) => faultsOf(issue, values));
    throw new ConfigurationError(name, faults);
  }
  const registry = registrySettings(result.data, repository);
  const faults = settingsFaults(registry, renderConfig(registry));
  if (faults.length > 0) throw new ConfigurationError(name, faults.map(inWordsOfTheFile));
  return result.data;
}

/** The same registry in the words of the constructs. */
export function registrySettings(settings: LocalSettings, repository: string): RegistrySettings {
  const { port, host, extraHosts, dataDirectory, garbageCollection, ...same } = settings;
  const listening = ['0.0.0.0', '::'].includes(settings.listenHost) ? [] : [settings.listenHost];
  const names = [...LOCAL_HOSTS, hostname(), ...listening, ...extraHosts].filter((name) => isHost(name));
  return {
    ...same,
    ...(garbageCollection === undefined ? {} : { garbageCollection }),
    endpoint: { mode: 'port', host, port },
    internalPort: port,
    storage: { kind: 'volume' },
    dataDirectory: path.resolve(repository, dataDirectory),
    tls: { mode: 'generated', extraHosts: [...new Set(names)].filter((name) => name !== host) },
  };
}

function readText(name: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const message = `cannot be read (${(error as NodeJS.ErrnoException).code}); restore it, an empty file will do, or let REGISTRY_LOCAL_SETTINGS name another`;
    throw new ConfigurationError(name, [{ path: '', message }]);
  }
}

function faultsOf(issue: z.core.$ZodIssue, values: unknown): readonly ConfigurationFault[] {
  const at = issue.path.map(String);
  if (issue.code === 'unrecognized_keys') {
    const known = Object.keys(at[0] === 'garbageCollection' ? garbageCollection.shape : localSettingsSchema.shape);
    return issue.keys.map((key) => {
      const meant = nearest(key, known);
      const advice = meant === undefined ? `allowed are ${known.join(', ')}` : `did you mean ${meant}?`;
      return { path: [...at, key].join('.'), message: `is not an option; ${advice}` };
    });
  }
  const value = at.reduce<unknown>((inside, key) => (inside as Record<string, unknown> | undefined)?.[key], values);
  return [{ path: at.join('.'), message: withValue(issue.message, value) }];
}

/** Props of the constructs that have another name, or another place, in the file. */
function inWordsOfTheFile({ prop, value, message }: { prop: string; value: unknown; message: string }) {
  const option = prop.replace(/^endpoint\./, '').replace(/^internalPort$/, 'port');
  return { path: option, message: withValue(message, value) };
}

function withValue(message: string, value: unknown): string {
  return value === undefined ? message : `${message} (it is ${JSON.stringify(value)})`;
}
