import { describe, expect, test } from '@jest/globals';
import { parseConfig } from '../../../registry-image/src/config/load.ts';
import { ConfigurationError } from '../../../registry-image/src/errors/configuration-error.ts';

/** @param options of the driver beside its bucket */
function parse(options: string) {
  return parseConfig(`version: 0.1\nstorage: {s3: {bucket: images, ${options}}}`, 'config.yml', {});
}

function s3(options: string) {
  return parse(options).config.storage.s3;
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

describe('the options of the s3 driver', () => {
  test('that are left out are those of distribution', () => {
    expect(s3('region: eu-west-1')).toMatchObject({
      forcepathstyle: false,
      accelerate: false,
      usedualstack: false,
      usefipsendpoint: false,
      chunksize: 10_485_760,
      multipartcopychunksize: 33_554_432,
      multipartcopymaxconcurrency: 100,
      multipartcopythresholdsize: 33_554_432,
      storageclass: 'STANDARD',
      objectacl: 'private',
      loglevel: 'off',
    });
  });

  test.each(['forcepathstyle', 'pathstyle', 'path_style'])('%s is one of the spellings of path style', (spelling) => {
    expect(s3(`regionendpoint: "http://store:9000", ${spelling}: false`)).toMatchObject({ forcepathstyle: false });
    expect(s3(`region: eu-west-1, ${spelling}: "true"`)).toMatchObject({ forcepathstyle: true });
  });

  test('with an endpoint of its own mean path style, as distribution 2 does', () => {
    expect(s3('regionendpoint: "http://store:9000"')).toMatchObject({ forcepathstyle: true, region: 'us-east-1' });
  });

  test('of the registry of GitLab are taken as they are', () => {
    const options =
      'region: eu-west-1, pathstyle: false, objectownership: true, maxretries: 7, maxrequestspersecond: 350, checksum_disabled: true, checksum_algorithm: CRC64NVME, loglevel: "LogRetries,LogRequest"';
    expect(parse(`${options}, parallelwalk: true`).warnings).toEqual([
      expect.stringContaining('storage.s3.parallelwalk has no effect'),
      expect.stringContaining('auth is not set'),
    ]);
  });

  test.each([
    ['loglevel: "DebugWithRequestRetries"', { loglevel: 'debugwithrequestretries' }],
    ['storageclass: standard_ia', { storageclass: 'STANDARD_IA' }],
    ['storageclass: none', { storageclass: 'STANDARD' }],
  ])('%s is read in any case', (option, expected) => {
    expect(s3(`region: eu-west-1, ${option}`)).toMatchObject(expected);
  });

  test.each([
    ['usedualstack', 'usedualstack: true, regionendpoint: "https://store"', /together with regionendpoint/],
    ['usefipsendpoint', 'usefipsendpoint: true, regionendpoint: "https://store"', /together with regionendpoint/],
    ['accelerate', 'accelerate: true, regionendpoint: "https://store"', /together with regionendpoint/],
    ['accelerate', 'region: r, accelerate: true, usefipsendpoint: true', /together with usefipsendpoint/],
    ['forcepathstyle', 'region: r, accelerate: true, forcepathstyle: true', /together with accelerate/],
    ['objectacl', 'region: r, objectacl: everybody', /private/],
    ['objectacl', 'region: r, objectacl: public-read, objectownership: true', /takes no ACLs/],
    ['sessiontoken', 'region: r, sessiontoken: t', /without accesskey/],
    ['redirectendpoint', 'region: r, redirectendpoint: "https://cdn.example/images"', /scheme, host and port only/],
    ['redirectendpoint', 'region: r, redirectendpoint: cdn.example', /http:\/\/ or https:\/\//],
    ['region', 'regionendpoint: "https://bucket.vpce-1.s3.eu-west-1.vpce.amazonaws.com"', /region of the bucket/],
    ['multipartcopychunksize', 'region: r, multipartcopychunksize: 1048576', /at least 5242880/],
    ['multipartcopythresholdsize', 'region: r, multipartcopythresholdsize: 5368709121', /at most 5368709120/],
    ['loglevel', 'region: r, loglevel: verbose', /off or debug/],
    ['checksum_algorithm', 'region: r, checksum_algorithm: MD5', /CRC64NVME/],
  ])('%s is refused with a reason in { %s }', (key, options, message) => {
    expect(faultsOf(options)).toEqual({ [`storage.s3.${key}`]: expect.stringMatching(message) });
  });

  test('refuse acceleration of a bucket with a dot in its name', () => {
    const yaml = 'version: 0.1\nstorage: {s3: {bucket: my.images, region: r, accelerate: true}}';
    expect(() => parseConfig(yaml, 'config.yml', {})).toThrow(/cannot be true for a bucket with a dot in its name/);
  });
});
