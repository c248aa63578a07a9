import { isIP } from 'node:net';
import { Token } from 'cdktf';
import { describeIssue } from '../../registry-image/src/config/faults.ts';
import { type ConfigInput, configSchema } from '../../registry-image/src/config/schema.ts';
import { endpointHost } from './endpoint.ts';
import type { RegistrySettings } from './registry-settings.ts';
import { type Fault, Faults } from './validation-error.ts';

/** Which prop writes which key of the configuration, longest key first; what is not listed is named by its key. */
const PROP_OF_KEY: readonly (readonly [key: string, prop: string])[] = [
  ['log.level', 'logLevel'],
  ['log.accesslog.disabled', 'accessLog'],
  ['storage.s3.bucket', 'storage.bucketName'],
  ['storage.s3.rootdirectory', 'storage.prefix'],
  ['storage.s3.regionendpoint', 'storage.regionEndpoint'],
  ['storage.s3.redirectendpoint', 'redirect.publicEndpoint'],
  ['storage.s3.forcepathstyle', 'storage.forcePathStyle'],
  ['storage.s3.chunksize', 'storage.partSizeMiB'],
  ['storage.s3', 'storage'],
  ['storage.filesystem.rootdirectory', 'dataDirectory'],
  ['storage.redirect.expirydelay', 'redirect.expiry'],
  ['storage.redirect.exceptions.networks', 'redirect.exceptCidrs'],
  ['storage.redirect.exceptions.useragents', 'redirect.exceptUserAgents'],
  ['storage.redirect', 'redirect'],
  ['storage.delete.enabled', 'deletes'],
  ['storage.maintenance.uploadpurging', 'uploadPurging'],
  ['storage.maintenance.readonly.enabled', 'readOnly'],
  ['index.sqlite.path', 'dataDirectory'],
  ['auth.token.realm', 'endpoint'],
  ['tokenendpoint.initialuser.name', 'initialUser'],
  ['tokenendpoint.initialuser.passwordfile', 'dataDirectory'],
  ['tokenendpoint.htpasswd', 'dataDirectory'],
  ['tokenendpoint.privatekey', 'dataDirectory'],
  ['tokenendpoint.signingalgorithm', 'tokens.signingAlgorithm'],
  ['tokenendpoint.keyid', 'tokens.keyId'],
  ['tokenendpoint.expiration', 'tokens.expiration'],
  ['tokenendpoint.access', 'access'],
  ['http.addr', 'internalPort'],
  ['http.host', 'endpoint'],
  ['http.relativeurls', 'relativeUrls'],
  ['http.trustedproxies', 'trustedProxies'],
  ['http.processes', 'processes'],
  ['http.draintimeout', 'drainTimeout'],
  ['http.tls.minimumtls', 'minimumTls'],
  ['http.tls.certificate', 'tls.certificateFile'],
  ['http.tls.key', 'tls.keyFile'],
  ['http.tls.selfsigned.directory', 'dataDirectory'],
  ['http.tls.selfsigned.hosts.0', 'endpoint'],
  ['http.tls.selfsigned.hosts', 'tls'],
  ['http.tls', 'tls'],
  ['notifications.endpoints', 'notifications'],
  ['garbagecollection.timezone', 'garbageCollection.timeZone'],
  ['garbagecollection.deleteuntagged', 'garbageCollection.deleteUntagged'],
  ['garbagecollection.dryrun', 'garbageCollection.dryRun'],
  ['garbagecollection', 'garbageCollection'],
];

const HOST = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/i;
const SECRET_HEADER = /authorization|token|secret|password|cookie|api-?key/i;

/** Every fault of the settings: what only the constructs know, then what the server's own parser finds in the configuration. */
export function settingsFaults(settings: RegistrySettings, config: ConfigInput): readonly Fault[] {
  const faults = new Faults();
  checkEndpoint(settings, faults);
  checkExtraHosts(settings, faults);
  checkPort(faults, 'internalPort', settings.internalPort);
  checkBucketName(settings, faults);
  checkAccess(settings, faults);
  checkNotificationHeaders(settings, faults);
  const known = faults.all.map(({ prop }) => prop);
  const parsed = serverFaults(settings, config).filter(
    ({ prop }) => !known.some((other) => other === prop || other.startsWith(`${prop}.`)),
  );
  return [...faults.all, ...parsed];
}

function checkEndpoint({ endpoint, listenHost }: RegistrySettings, faults: Faults): void {
  const prop = endpoint.mode === 'own-domain' ? 'endpoint.domain' : 'endpoint.host';
  const host = endpointHost(endpoint);
  const advice = 'is ::1 to some programs and 127.0.0.1 to others; write the address, such as 127.0.0.1';
  faults.check(prop, host, !isLocalhost(host), advice);
  faults.check('listenHost', listenHost, !isLocalhost(listenHost), advice);
  if (endpoint.mode === 'own-domain') {
    const message = 'must be a host name without scheme, port or path, such as registry.example.com';
    faults.check(prop, host, isHostName(host), message);
  } else {
    faults.check(
      prop,
      host,
      isHost(host),
      'must be a host name or address without scheme, port or path, such as gitlab.example.com',
    );
    checkPort(faults, 'endpoint.port', endpoint.port);
  }
}

function checkExtraHosts({ tls }: RegistrySettings, faults: Faults): void {
  if (tls?.mode !== 'generated') return;
  for (const [index, host] of (tls.extraHosts ?? []).entries()) {
    faults.check(
      `tls.extraHosts.${index}`,
      host,
      isHost(host),
      'must be a host name or address, without scheme, port or path',
    );
  }
}

function isLocalhost(host: string | undefined): boolean {
  return host !== undefined && /(^|\.)localhost\.?$/i.test(host);
}

function isHost(host: string): boolean {
  return isHostName(host) || isIP(host) !== 0;
}

/** A name, and not an address in its last label (https://url.spec.whatwg.org/#ends-in-a-number-checker). */
function isHostName(host: string): boolean {
  return HOST.test(host) && !/(^|\.)\d+$/.test(host);
}

function checkPort(faults: Faults, prop: string, port: unknown): void {
  if (port === undefined) return;
  const valid = typeof port === 'number' && Number.isInteger(port) && port >= 1 && port <= 65_535;
  faults.check(prop, port, valid, 'must be a port number, 1 to 65535');
}

function checkBucketName({ storage }: RegistrySettings, faults: Faults): void {
  if (storage.kind !== 'bucket') return;
  const { bucketName } = storage;
  const message = 'must be the name of a bucket alone; a folder in it goes into prefix';
  faults.check('storage.bucketName', bucketName, !String(bucketName).includes('/'), message);
}

function checkAccess({ access = [] }: RegistrySettings, faults: Faults): void {
  for (const [index, { users }] of access.entries()) {
    faults.check(
      `access.${index}.users`,
      users,
      !users.includes('anonymous'),
      'must not name anonymous; list the repositories that anyone may pull in anonymousPull',
    );
  }
}

/** Settings end in the user data of a machine, which every process on it and every reader of the account can see. */
function checkNotificationHeaders({ notifications = [] }: RegistrySettings, faults: Faults): void {
  for (const [index, { headers = {} }] of notifications.entries()) {
    for (const name of Object.keys(headers)) {
      faults.check(
        `notifications.${index}.headers.${name}`,
        '(hidden)',
        !SECRET_HEADER.test(name),
        'is a header that carries a secret, which would be readable in the user data of the machine; allowed are headers without secrets',
      );
    }
  }
}

function serverFaults(settings: RegistrySettings, config: ConfigInput): readonly Fault[] {
  const result = configSchema.safeParse(withSamples(config), { error: describeIssue });
  if (result.success) return [];
  const faults = result.error.issues.map((issue) => {
    const key = issue.path.map(String);
    const prop = propOf(key.join('.'));
    return { prop, value: valueAt(settings, prop.split('.')) ?? valueAt(config, key), message: issue.message };
  });
  // One wrong prop may stand behind several keys, as the data directory does; one line is enough.
  return faults.filter(({ prop }, index) => faults.findIndex((other) => other.prop === prop) === index);
}

function propOf(key: string): string {
  const found = PROP_OF_KEY.find(([prefix]) => key === prefix || key.startsWith(`${prefix}.`));
  return found === undefined ? key : `${found[1]}${key.slice(found[0].length)}`;
}

function valueAt(value: unknown, key: readonly string[]): unknown {
  return key.reduce<unknown>((at, part) => (at as Record<string, unknown> | undefined)?.[part], value);
}

/** Keys whose values are networks. */
const NETWORKS = ['networks', 'trustedproxies'];

/** The configuration with something plausible, a name or a network, in place of every value that only Terraform will know. */
function withSamples(value: unknown, sample = 'sample'): unknown {
  if (typeof value === 'string')
    return Token.isUnresolved(value) ? value.replace(/\$\{TfToken\[[^\]]+\]\}/g, sample) : value;
  if (Array.isArray(value)) return value.map((item) => withSamples(item, sample));
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key,
      withSamples(item, NETWORKS.includes(key) ? '10.0.0.0/8' : 'sample'),
    ]),
  );
}
