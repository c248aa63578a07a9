import { isSection, type Section, valueAt } from './raw-config.ts';
import { nodeAt } from './schema-tree.ts';

/** Older and foreign names of keys, in the order in which they are looked for. */
const RENAMED = [
  // distribution 2: https://distribution.github.io/distribution/about/configuration/#loglevel
  ['loglevel', 'log.level'],
  ['storage.cache.layerinfo', 'storage.cache.blobdescriptor'],
  // Registered names of the same driver.
  ['storage.s3aws', 'storage.s3'],
  // The registry of GitLab.
  ['storage.s3_v1', 'storage.s3'],
  ['storage.s3_v2', 'storage.s3'],
  ['storage.s3.pathstyle', 'storage.s3.forcepathstyle'],
  ['storage.s3.path_style', 'storage.s3.forcepathstyle'],
  ['storage.azure_v1', 'storage.azure'],
  ['storage.azure_v2', 'storage.azure'],
  ['storage.azure.credentialstype', 'storage.azure.credentials.type'],
  ['storage.azure.credentials_type', 'storage.azure.credentials.type'],
  ['storage.azure.clientid', 'storage.azure.credentials.clientid'],
  ['storage.azure.client_id', 'storage.azure.credentials.clientid'],
  ['storage.azure.tenantid', 'storage.azure.credentials.tenantid'],
  ['storage.azure.tenant_id', 'storage.azure.credentials.tenantid'],
  ['storage.azure.secret', 'storage.azure.credentials.secret'],
  ['storage.azure.api_pool_initial_interval', 'storage.azure.apipoolinitialinterval'],
  ['storage.azure.api_pool_max_interval', 'storage.azure.apipoolmaxinterval'],
  ['storage.azure.api_pool_max_elapsed_time', 'storage.azure.apipoolmaxelapsedtime'],
  ['storage.azure.debug_log', 'storage.azure.debuglog'],
  ['storage.azure.debug_log_events', 'storage.azure.debuglogevents'],
] as const;

/** Words that distribution reads in any case. */
const CASE_INSENSITIVE = ['log.level', 'storage.s3.loglevel', 'validation.manifests.indexes.platforms'];

/** Keys of drivers that may leave out the scheme. */
const ENDPOINTS = [
  ['s3', 'regionendpoint'],
  ['oss', 'endpoint'],
] as const;

/** The path that a key of another version is read under, or the same path. */
export function currentPath(path: readonly string[]): readonly string[] {
  return RENAMED.reduce<readonly string[]>((current, [older, newer]) => {
    const prefix = older.split('.');
    return prefix.every((key, at) => current[at] === key)
      ? [...newer.split('.'), ...current.slice(prefix.length)]
      : current;
  }, path);
}

/** Older names of keys, as `REGISTRY_…` variables may spell them. */
export const OLDER_PATHS: readonly (readonly string[])[] = RENAMED.map(([older]) => older.split('.'));

/**
 * Brings the names of keys into those that the schema reads: older names, and a section given as the one word that it holds
 * (`storage: inmemory`, `auth: none`).
 *
 * @returns a new value; the old one stays as it is
 */
export function modernizeKeys(file: Section): Section {
  const config = structuredClone(file);
  for (const name of ['storage', 'auth']) {
    const section = config[name];
    if (typeof section === 'string') config[name] = { [section]: {} };
    // A driver without options is `inmemory:` in YAML, which is null.
    else if (isSection(section)) {
      for (const [key, value] of Object.entries(section)) section[key] = value ?? {};
    }
  }
  for (const [older, newer] of RENAMED) rename(config, older.split('.'), newer.split('.'));
  return config;
}

/**
 * Brings values into the form that the schema reads, beside the names of their keys: options in quotes, words in capitals, a list
 * in one text, an endpoint without its scheme; and leaves out sections without content (`redis:`).
 *
 * @returns a new value; the old one stays as it is
 */
export function modernize(file: Section): Section {
  const config = modernizeKeys(file);
  unquoteOptions(config);
  for (const path of CASE_INSENSITIVE) update(config, path, (word) => word.toLowerCase());
  for (const [driver, key] of ENDPOINTS) {
    const scheme = valueAt(config, ['storage', driver, 'secure']) === false ? 'http' : 'https';
    update(config, `storage.${driver}.${key}`, (endpoint) =>
      endpoint.includes('://') ? endpoint : `${scheme}://${endpoint}`,
    );
  }
  // distribution's word for naming no class to the store.
  update(config, 'storage.s3.storageclass', (name) => {
    const upper = name.toUpperCase();
    return upper === 'NONE' ? 'STANDARD' : upper;
  });
  update(config, 'http.tls.ciphersuites', (suites) => suites.split(',').map((suite) => suite.trim()));
  return withoutNulls(config) as Section;
}

/** Where both names are set, the older one stays, and is reported as a key that nobody knows. */
function rename(config: Section, older: readonly string[], newer: readonly string[]): void {
  const value = valueAt(config, older);
  if (value === undefined || valueAt(config, newer) !== undefined) return;
  const parent = valueAt(config, older.slice(0, -1)) as Section;
  delete parent[older.at(-1) as string];
  let target = config;
  for (const key of newer.slice(0, -1)) {
    if (!isSection(target[key])) target[key] = {};
    target = target[key] as Section;
  }
  target[newer.at(-1) as string] = value;
}

function update(config: Section, path: string, change: (text: string) => unknown): void {
  const keys = path.split('.');
  const text = valueAt(config, keys);
  if (typeof text !== 'string') return;
  (valueAt(config, keys.slice(0, -1)) as Section)[keys.at(-1) as string] = change(text);
}

/** Drivers take their options as text too: `encrypt: "true"`, `chunksize: "5242880"`. */
function unquoteOptions(config: Section): void {
  for (const driver of ['azure', 'gcs', 'oss', 's3', 'swift']) {
    const options = valueAt(config, ['storage', driver]);
    if (!isSection(options)) continue;
    for (const [key, value] of Object.entries(options)) {
      if (typeof value !== 'string' || nodeAt(['storage', driver, key])?.kind !== 'value') continue;
      if (value === 'true' || value === 'false') options[key] = value === 'true';
      else if (/^-?\d+$/.test(value)) options[key] = Number(value);
    }
  }
}

function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (!isSection(value)) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, item]) => (item === null ? [] : [[key, withoutNulls(item)]])),
  );
}
