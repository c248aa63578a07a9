import { describe, expect, test } from '@jest/globals';
import { parseConfig } from '../../../registry-image/src/config/load.ts';
import { redact } from '../../../registry-image/src/config/secrets.ts';
import { ConfigurationError } from '../../../registry-image/src/errors/configuration-error.ts';

const KEY = '-----BEGIN PRIVATE KEY-----\\nc2VjcmV0\\n-----END PRIVATE KEY-----\\n';
const CREDENTIALS = `{type: service_account, client_email: r@p.iam.gserviceaccount.com, private_key: "${KEY}"}`;

/** @param options of the driver, beside its bucket unless they begin with one */
function parse(options: string, environment: Record<string, string> = {}) {
  const section = options.startsWith('bucket') ? options : `bucket: images, ${options}`;
  return parseConfig(`version: 0.1\nstorage: {gcs: {${section}}}`, 'config.yml', environment);
}

function gcs(options: string, environment?: Record<string, string>) {
  return parse(options, environment).config.storage.gcs;
}

function faultsOf(options: string): Record<string, string> {
  try {
    parse(options);
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    return Object.fromEntries(error.faults.map(({ path, message }) => [path, message]));
  }
  return {};
}

describe('the options of the gcs driver', () => {
  test('that are left out are those of distribution, with the identity of the machine', () => {
    expect(gcs('')).toEqual({
      bucket: 'images',
      rootdirectory: '',
      chunksize: 5_242_880,
      maxconcurrency: 50,
      useragent: 'cdktf-container-registry',
      endpoint: 'https://storage.googleapis.com',
    });
  });

  test('take numbers as text, and what GitLab adds to them with a warning', () => {
    const { config, warnings } = parse(
      'chunksize: "10485760", maxconcurrency: "100", parallelwalk: true, debug_log: true',
    );
    expect(config.storage.gcs).toMatchObject({ chunksize: 10_485_760, maxconcurrency: 100 });
    expect(warnings.filter((warning) => warning.includes('gcs'))).toEqual([
      expect.stringMatching(/^storage\.gcs\.parallelwalk has no effect/),
      expect.stringMatching(/^storage\.gcs\.debug_log has no effect/),
    ]);
  });

  test('take the whole content of a key file', () => {
    const whole = CREDENTIALS.replace(
      '}',
      `, project_id: p, private_key_id: "12", client_id: "34", auth_uri: "https://accounts.google.com/o/oauth2/auth",
        token_uri: "https://oauth2.googleapis.com/token", auth_provider_x509_cert_url: "https://a", client_x509_cert_url: "https://b",
        universe_domain: googleapis.com}`,
    );
    expect(gcs(`credentials: ${whole}`)?.credentials?.client_email).toBe('r@p.iam.gserviceaccount.com');
  });

  test('come from the environment, credentials included', () => {
    const environment = {
      REGISTRY_STORAGE_GCS_BUCKET: 'another',
      REGISTRY_STORAGE_GCS_CREDENTIALS_TYPE: 'service_account',
      REGISTRY_STORAGE_GCS_CREDENTIALS_CLIENT_EMAIL: 'r@p.iam.gserviceaccount.com',
      REGISTRY_STORAGE_GCS_CREDENTIALS_PRIVATE_KEY: KEY.replaceAll('\\n', '\n'),
    };
    expect(gcs('', environment)).toMatchObject({
      bucket: 'another',
      credentials: { client_email: 'r@p.iam.gserviceaccount.com', private_key: KEY.replaceAll('\\n', '\n') },
    });
  });

  test('are shown without the private key', () => {
    const shown = JSON.stringify(redact(parse(`credentials: ${CREDENTIALS}`).config));
    expect(shown).toContain('r@p.iam.gserviceaccount.com');
    expect(shown).not.toContain('c2VjcmV0');
  });

  test.each([
    ['bucket: Images', 'bucket', /must be a bucket name/],
    ['bucket: goog-images', 'bucket', /not beginning with goog/],
    ['bucket: images/folder', 'bucket', /a folder goes into rootdirectory/],
    ['chunksize: 1048576', 'chunksize', /must be at least 5242880 \(5 MiB\)/],
    ['chunksize: 5242881', 'chunksize', /must be a multiple of 262144 \(256 KiB\)/],
    ['chunksize: 5368971264', 'chunksize', /must be at most 5368709120 \(5 GiB\)/],
    ['maxconcurrency: 0', 'maxconcurrency', />=1|at least 1/],
    ['keyfile: key.json', 'keyfile', /must be an absolute path/],
    ['redirectendpoint: storage.example.com', 'redirectendpoint', /must be an absolute http/],
    [`keyfile: /key.json, credentials: ${CREDENTIALS}`, 'credentials', /cannot be set beside keyfile/],
    [
      `credentials: ${CREDENTIALS.replace('service_account', 'authorized_user')}`,
      'credentials.type',
      /must be service_account; other kinds/,
    ],
    [`credentials: ${CREDENTIALS.replaceAll('\\n', ' ')}`, 'credentials.private_key', /with its line breaks/],
    [
      `credentials: ${CREDENTIALS.replace('}', ', token_uri: "https://evil.example/token"}')}`,
      'credentials.token_uri',
      /must be https:\/\/oauth2\.googleapis\.com\/token/,
    ],
    [
      `credentials: ${CREDENTIALS.replace('}', ', universe_domain: example.com}')}`,
      'credentials.universe_domain',
      /must be googleapis\.com/,
    ],
  ])('%s is refused', (options, key, message) => {
    expect(faultsOf(options)).toEqual({ [`storage.gcs.${key}`]: expect.stringMatching(message) });
  });
});
