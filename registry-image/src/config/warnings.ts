import { isSection, valueAt, valuesAt } from './raw-config.ts';

interface KeyWithoutEffect {
  /** Dotted path; `*` stands for each item of a list. */
  readonly key: string;
  /** Why nothing acts on it, and what there is instead. */
  readonly reason: string;
  /** The values that it is said for. @default every value */
  readonly when?: (value: unknown) => boolean;
}

/** Index reads are from SQL, whatever storage holds: nothing is listed or looked up there. */
const INDEXED = 'the index answers this without asking storage';
const AZURE_COPY = 'a copy is waited for as long as it goes on';

/** Keys that existing files hold and that nothing here acts on. A test holds that every other key is read by something. */
export const KEYS_WITHOUT_EFFECT: readonly KeyWithoutEffect[] = [
  {
    key: 'log.formatter',
    reason: 'the log is always JSON, one object a line',
    when: (formatter) => formatter !== 'json',
  },
  { key: 'log.accesslog.formatter', reason: 'the access log is part of the JSON log' },
  { key: 'log.hooks', reason: 'no mail is sent for log lines; alert on the log itself' },
  { key: 'log.output', reason: 'the log goes to standard output', when: (output) => output !== 'stdout' },
  { key: 'log.reportcaller', reason: 'log lines do not name the line of code' },
  { key: 'storage.s3.parallelwalk', reason: 'the bucket is walked by reindex only' },
  {
    key: 'storage.azure.retry_try_timeout',
    reason: 'a call ends when its connection is silent for a minute, however long it takes in all',
  },
  { key: 'storage.azure.copy_status_poll_max_retry', reason: AZURE_COPY },
  { key: 'storage.azure.copy_status_poll_delay', reason: AZURE_COPY },
  { key: 'storage.azure.apipoolinitialinterval', reason: AZURE_COPY },
  { key: 'storage.azure.apipoolmaxinterval', reason: AZURE_COPY },
  { key: 'storage.azure.apipoolmaxelapsedtime', reason: AZURE_COPY },
  { key: 'storage.azure.debuglog', reason: 'requests to Azure are not logged one by one' },
  { key: 'storage.azure.debuglogevents', reason: 'requests to Azure are not logged one by one' },
  { key: 'storage.gcs.parallelwalk', reason: 'the bucket is walked by reindex only' },
  { key: 'storage.gcs.debug_log', reason: 'requests to Cloud Storage are not logged one by one' },
  {
    key: 'storage.cache.blobdescriptor',
    reason: `no cache in Redis is used: ${INDEXED}`,
    when: (cache) => cache === 'redis',
  },
  { key: 'storage.cache.blobdescriptorsize', reason: INDEXED },
  { key: 'storage.tag.concurrencylimit', reason: INDEXED },
  {
    key: 'http.debug',
    reason: 'there is no debug server and no metrics in this version; nothing listens on its address',
  },
  {
    key: 'http.secret',
    reason: 'clients hold no state that needs a signature: uploads in progress are kept in storage',
  },
  { key: 'http.http2', reason: 'HTTP/1.1 is served, which every client speaks; put a proxy in front for HTTP/2' },
  { key: 'http.h2c', reason: 'HTTP/1.1 is served, which every client speaks; put a proxy in front for HTTP/2' },
  { key: 'notifications.endpoints', reason: 'notifications are not delivered by this version', when: isFilledList },
  { key: 'notifications.events', reason: 'notifications are not delivered by this version' },
  { key: 'notifications.fanouttimeout', reason: 'notifications are not delivered by this version' },
  { key: 'garbagecollection', reason: 'this version does not collect garbage; storage grows until a later one does' },
  { key: 'health.database', reason: 'the index is always checked; see /readyz' },
  { key: 'health.file', reason: 'health is that of storage and index; see /readyz' },
  { key: 'health.http', reason: 'health is that of storage and index; see /readyz' },
  { key: 'health.tcp', reason: 'health is that of storage and index; see /readyz' },
  { key: 'validation.enabled', reason: 'manifests are always validated' },
  { key: 'validation.disabled', reason: 'manifests are always validated' },
  { key: 'validation.manifests.urls', reason: 'the URLs of foreign layers are not restricted' },
  { key: 'validation.manifests.payloadsizelimit', reason: 'manifests of up to 4 MiB are taken' },
  { key: 'validation.manifests.referencelimit', reason: 'the size of a manifest limits its references' },
  {
    key: 'compatibility.schema1.enabled',
    reason: 'manifests of schema 1 are not taken by this version, and answered with MANIFEST_INVALID',
    when: (enabled) => enabled === true,
  },
  { key: 'compatibility.schema1.trustkey', reason: 'manifests of schema 1 are not taken by this version' },
  { key: 'compatibility.schema1.signingkeyfile', reason: 'manifests of schema 1 are not taken by this version' },
  {
    key: 'database',
    reason: "GitLab's metadata database is not read; the index of this server is in the section index",
  },
  { key: 'gc', reason: "GitLab's collector works on its metadata database, which is not read" },
  { key: 'middleware', reason: 'there are no middlewares; signed URLs name the storage itself' },
  { key: 'migration', reason: "there is no migration to GitLab's metadata database" },
  { key: 'policy', reason: 'repositories are not restricted to classes of content' },
  { key: 'profiling', reason: 'there is no profiler' },
  { key: 'rate_limiter', reason: 'requests are not limited by this version' },
  { key: 'redis', reason: 'Redis is not used: the index holds what it would cache' },
  { key: 'reporting', reason: 'errors are reported in the log only' },
];

/** One sentence for everything in a configuration that does not do what its operator may think. */
export function warningsOf(value: unknown): readonly string[] {
  const withoutEffect = KEYS_WITHOUT_EFFECT.flatMap(({ key, reason, when = () => true }) =>
    valuesAt(value, key.split('.'))
      .filter((found) => when(found.value))
      .map(({ path }) => `${path.join('.')} has no effect: ${reason}`),
  );
  const isUnverified = valueAt(value, ['storage', 'swift', 'insecureskipverify']) === true;
  return [...withoutEffect, ...(isUnverified ? [UNVERIFIED] : []), ...(hasAuth(value) ? [] : [OPEN])];
}

const UNVERIFIED =
  'storage.swift.insecureskipverify is true: whoever is on the way to Swift can read its password and change images; give its CA in NODE_EXTRA_CA_CERTS instead';

const OPEN = 'auth is not set: anybody who can reach the registry may pull and push; write auth: none if that is meant';

function hasAuth(value: unknown): boolean {
  const auth = valueAt(value, ['auth']);
  return isSection(auth) && Object.keys(auth).length > 0;
}

function isFilledList(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0;
}
