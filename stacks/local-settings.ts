import { existsSync } from 'node:fs';
import { isIP } from 'node:net';
import { hostname } from 'node:os';
import path from 'node:path';
import { z } from 'zod';
import type { RegistrySettings } from '../constructs/shared/registry-settings.ts';
import { renderConfig } from '../constructs/shared/render-config.ts';
import { settingsFaults } from '../constructs/shared/settings-faults.ts';
import type { Fault } from '../constructs/shared/validation-error.ts';
import { cronSchedule, timeZone } from '../registry-image/src/config/values.ts';
import { ConfigurationError } from '../registry-image/src/errors/configuration-error.ts';
import { readSettingsFile } from './settings-file.ts';

const DEFAULT_FILE = 'settings/local.yml';

const HOST_NAME = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/i;

/** What the certificate of a registry on this computer is always good for, beside the name that clients use. */
const LOCAL_HOSTS = ['localhost', '127.0.0.1', '::1'];

const ALL_ADDRESSES = ['0.0.0.0', '::'];

function isHost(text: string): boolean {
  return isIP(text) !== 0 || HOST_NAME.test(text);
}

const port = z.int().min(1, 'must be a port number, 1 to 65535').max(65_535, 'must be a port number, 1 to 65535');

/** Options of settings/local.yml, which documents each of them. */
const localSettingsSchema = z.strictObject({
  port: port.default(5000),
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
  garbageCollection: z
    .strictObject({
      schedule: cronSchedule(),
      timeZone: timeZone().default('UTC'),
      deleteUntagged: z.boolean().default(false),
      dryRun: z.boolean().default(false),
    })
    .exactOptional(),
  logLevel: z.enum(['error', 'warn', 'info', 'debug']).default('info'),
  accessLog: z.boolean().default(true),
});

/** The options of settings/local.yml, defaults filled in. */
export type LocalSettings = z.output<typeof localSettingsSchema>;

/**
 * Reads settings/local.yml, or the file that the environment variable REGISTRY_LOCAL_SETTINGS names. Without settings/local.yml
 * every option has its default.
 *
 * @param repository root of the repository, where relative paths start
 * @throws ConfigurationError with every fault of the file
 */
export function readLocalSettings(repository: string, environment: NodeJS.ProcessEnv = process.env): LocalSettings {
  const named = environment['REGISTRY_LOCAL_SETTINGS'] || undefined;
  const file = shortest(path.resolve(repository, named ?? DEFAULT_FILE));
  if (named === undefined && !existsSync(file)) return localSettingsSchema.parse({});
  const settings = readSettingsFile(file, localSettingsSchema);
  const registry = registrySettings(settings, repository);
  const faults = settingsFaults(registry, renderConfig(registry));
  if (faults.length > 0) throw new ConfigurationError(file, faults.map(inWordsOfTheFile));
  return settings;
}

/** The same registry in the words of the constructs. */
export function registrySettings(settings: LocalSettings, repository: string): RegistrySettings {
  const { port: publicPort, host, extraHosts, dataDirectory, ...same } = settings;
  const listening = ALL_ADDRESSES.includes(settings.listenHost) ? [] : [settings.listenHost];
  const names = [...LOCAL_HOSTS, hostname(), ...listening, ...extraHosts].filter(isHost);
  return {
    ...same,
    endpoint: { mode: 'port', host, port: publicPort },
    internalPort: publicPort,
    storage: { kind: 'volume' },
    dataDirectory: path.resolve(repository, dataDirectory),
    tls: { mode: 'generated', extraHosts: [...new Set(names)].filter((name) => name !== host) },
  };
}

/** Relative to the working directory when it lies there, as people write it. */
function shortest(file: string): string {
  const relative = path.relative('', file);
  return relative.startsWith('..') ? file : relative;
}

/** Some options are written to a prop of another name; the only grants here are those of `anonymousPull`. */
function inWordsOfTheFile({ prop, value, message }: Fault) {
  const option = prop
    .replace(/^endpoint\./, '')
    .replace(/^internalPort$/, 'port')
    .replace(/^access\.\d+\.repositories/, 'anonymousPull');
  return { path: option, message: value === undefined ? message : `${message} (received ${JSON.stringify(value)})` };
}
