import { Annotations } from 'cdktf';
import type { IConstruct } from 'constructs';
import { stringify } from 'yaml';
import type { ConfigInput } from '../../registry-image/src/config/schema.ts';
import { warningsOf } from '../../registry-image/src/config/warnings.ts';
import { endpointHost, publicUrl } from './endpoint.ts';
import type { NotificationEndpoint, RegistrySettings } from './registry-settings.ts';
import { settingsFaults } from './settings-faults.ts';
import { throwFaults } from './validation-error.ts';

/** Names of this registry in its own tokens, written once for the endpoint that signs and the registry that verifies. */
const TOKEN_SERVICE = 'container_registry';
const TOKEN_ISSUER = 'container_registry_issuer';

export const DEFAULT_INTERNAL_PORT = 5000;
export const DEFAULT_DATA_DIRECTORY = '/var/lib/registry';
export const DEFAULT_INITIAL_USER = 'admin';

/** Where everything that the server keeps lies below the data directory. */
export function dataPaths(dataDirectory: string = DEFAULT_DATA_DIRECTORY) {
  return {
    storage: `${dataDirectory}/storage`,
    index: `${dataDirectory}/index/registry.sqlite`,
    users: `${dataDirectory}/auth/htpasswd`,
    initialPassword: `${dataDirectory}/auth/initial-password`,
    signingKey: `${dataDirectory}/auth/signing-key.pem`,
    tls: `${dataDirectory}/tls`,
    generatedCa: `${dataDirectory}/tls/ca.crt`,
  } as const;
}

/**
 * The server's configuration for these settings.
 *
 * @throws ValidationError with every fault: what the server's own parser refuses, and what only the constructs know
 */
export function checkedConfig(scope: IConstruct, settings: RegistrySettings): ConfigInput {
  const config = renderConfig(settings);
  throwFaults(scope, settingsFaults(settings, config));
  warn(scope, config);
  return config;
}

/** Shows at synthesis what the server would say when it starts: keys that this version does not act on. */
export function warn(scope: IConstruct, config: ConfigInput): void {
  for (const warning of warningsOf(config)) Annotations.of(scope).addWarning(warning);
}

/** The server's configuration for these settings, unchecked. Options that are not set are left to the server's defaults. */
export function renderConfig(settings: RegistrySettings): ConfigInput {
  const paths = dataPaths(settings.dataDirectory);
  return withoutUndefined({
    version: 0.1,
    log: {
      level: settings.logLevel,
      accesslog: settings.accessLog === undefined ? undefined : { disabled: !settings.accessLog },
    },
    storage: renderStorage(settings, paths.storage),
    index: { sqlite: { path: paths.index } },
    auth: {
      token: { realm: `${publicUrl(settings.endpoint)}/jwt/auth`, service: TOKEN_SERVICE, issuer: TOKEN_ISSUER },
    },
    tokenendpoint: {
      htpasswd: paths.users,
      initialuser: { name: settings.initialUser ?? DEFAULT_INITIAL_USER, passwordfile: paths.initialPassword },
      privatekey: paths.signingKey,
      signingalgorithm: settings.tokens?.signingAlgorithm,
      keyid: settings.tokens?.keyId,
      expiration: settings.tokens?.expiration,
      access: renderAccess(settings),
    },
    http: {
      addr: `${bracketed(settings.listenHost ?? '')}:${settings.internalPort ?? DEFAULT_INTERNAL_PORT}`,
      host: publicUrl(settings.endpoint),
      relativeurls: settings.relativeUrls,
      trustedproxies: settings.trustedProxies && [...settings.trustedProxies],
      processes: settings.processes,
      draintimeout: settings.drainTimeout,
      tls: renderTls(settings, paths.tls),
    },
    notifications:
      settings.notifications === undefined ? undefined : { endpoints: settings.notifications.map(renderEndpoint) },
    garbagecollection: renderGarbageCollection(settings),
  });
}

/** The configuration as the text of config.yml: YAML 1.1, as the server reads it, in which a user named `yes` needs quotes. */
export function toYaml(config: ConfigInput): string {
  return stringify(config, { version: '1.1', lineWidth: 0 });
}

function renderStorage({ storage, redirect, deletes, readOnly, uploadPurging }: RegistrySettings, directory: string) {
  const driver =
    storage.kind === 'volume'
      ? { filesystem: { rootdirectory: directory } }
      : {
          s3: {
            bucket: storage.bucketName,
            region: storage.region,
            rootdirectory: storage.prefix,
            regionendpoint: storage.regionEndpoint,
            redirectendpoint: redirect?.publicEndpoint,
            forcepathstyle: storage.forcePathStyle,
            chunksize: storage.partSizeMiB === undefined ? undefined : storage.partSizeMiB * 1024 ** 2,
          },
        };
  return {
    ...driver,
    delete: { enabled: deletes ?? true },
    redirect:
      redirect === undefined
        ? undefined
        : {
            disable: redirect.mode === undefined ? undefined : redirect.mode === 'proxy',
            expirydelay: redirect.expiry,
            exceptions: {
              networks: redirect.exceptCidrs && [...redirect.exceptCidrs],
              useragents: redirect.exceptUserAgents && [...redirect.exceptUserAgents],
            },
          },
    maintenance: {
      uploadpurging: uploadPurging,
      readonly: readOnly === undefined ? undefined : { enabled: readOnly },
    },
  };
}

function renderTls(settings: RegistrySettings, directory: string) {
  const tls = settings.tls ?? { mode: 'generated' };
  const files =
    tls.mode === 'files'
      ? { certificate: tls.certificateFile, key: tls.keyFile }
      : { selfsigned: { directory, hosts: [endpointHost(settings.endpoint), ...(tls.extraHosts ?? [])] } };
  return { ...files, minimumtls: settings.minimumTls };
}

/** Every grant is written out once there is one, because the server's own default holds only when there is none. */
function renderAccess({ access, anonymousPull = [] }: RegistrySettings) {
  if (access === undefined && anonymousPull.length === 0) return undefined;
  const everything = {
    users: ['*'],
    repositories: ['**'],
    actions: ['pull', 'push', 'delete'] as const,
    catalog: true,
  };
  const anonymous = { users: ['anonymous'], repositories: anonymousPull, actions: ['pull'] as const };
  return [...(access ?? [everything]), ...(anonymousPull.length > 0 ? [anonymous] : [])].map((grant) => ({
    ...grant,
    users: [...grant.users],
    repositories: [...grant.repositories],
    actions: grant.actions && [...grant.actions],
  }));
}

function renderEndpoint(endpoint: NotificationEndpoint) {
  return {
    name: endpoint.name,
    url: endpoint.url,
    disabled: endpoint.disabled,
    headers:
      endpoint.headers &&
      Object.fromEntries(Object.entries(endpoint.headers).map(([name, values]) => [name, [...values]])),
    timeout: endpoint.timeout,
    threshold: endpoint.threshold,
    backoff: endpoint.backoff,
    ignoredmediatypes: endpoint.ignoredMediaTypes && [...endpoint.ignoredMediaTypes],
    ignore: endpoint.ignoredActions && { actions: [...endpoint.ignoredActions] },
  };
}

function renderGarbageCollection({ garbageCollection }: RegistrySettings) {
  if (garbageCollection === undefined) return undefined;
  const { schedule, timeZone, deleteUntagged, dryRun } = garbageCollection;
  return { schedule, timezone: timeZone, deleteuntagged: deleteUntagged, dryrun: dryRun };
}

function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}

/** Drops keys without a value, and objects that have none left, so that the file holds what was set and nothing else. */
function withoutUndefined<T>(value: T): T {
  if (Array.isArray(value)) return value.map(withoutUndefined) as T;
  if (value === null || typeof value !== 'object') return value;
  const entries = Object.entries(value)
    .map(([key, item]) => [key, withoutUndefined(item)] as const)
    .filter(([, item]) => item !== undefined && !isEmptyObject(item));
  return Object.fromEntries(entries) as T;
}

function isEmptyObject(value: unknown): boolean {
  return value !== null && typeof value === 'object' && !Array.isArray(value) && Object.keys(value).length === 0;
}
