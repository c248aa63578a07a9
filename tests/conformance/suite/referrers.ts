import { describe, expect, test } from '@jest/globals';
import {
  type Algorithm,
  artifact,
  content,
  type Descriptor,
  descriptor,
  digestOf,
  EMPTY_JSON,
  type Image,
  image,
  index,
  MEDIA_TYPES,
  manifest,
} from '../../support/oci-image.ts';
import { expectError, newRepository, type Registry } from './expectations.ts';

const SIGNATURE = 'application/vnd.example.signature';
const SBOM = 'application/vnd.example.sbom+json';

interface ReferrersList {
  readonly schemaVersion: number;
  readonly mediaType: string;
  readonly manifests: Descriptor[];
}

/** How the list describes an artifact. */
function entry({ manifest: own }: Image, artifactType: string, annotations?: Record<string, string>): Descriptor {
  return descriptor(own, { artifactType, ...(annotations === undefined ? {} : { annotations }) });
}

/** end-12a, end-12b: https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#listing-referrers */
export function referrersSuite(registry: Registry): void {
  async function referrers(repository: string, digest: string, query = ''): Promise<Descriptor[]> {
    const answer = await registry().get(`/v2/${repository}/referrers/${digest}${query}`);
    expect(answer.status).toBe(200);
    expect(answer.header('Content-Type')).toBe(MEDIA_TYPES.ociIndex);
    const list = answer.json<ReferrersList>();
    expect(list).toMatchObject({ schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex });
    return list.manifests;
  }

  describe('end-12: referrers', () => {
    test('the push of a manifest with a subject is answered with OCI-Subject', async () => {
      const repository = newRepository('subject');
      const subject = image();
      await registry().pushImage(repository, subject, 'latest');
      const answer = await registry().pushImage(repository, artifact(subject.manifest, SIGNATURE));
      expect(answer.header('OCI-Subject')).toBe(subject.manifest.digest);
    });

    test('every manifest with that subject is listed, with its type, size and annotations', async () => {
      const repository = newRepository('listed');
      const subject = image();
      await registry().pushImage(repository, subject, 'latest');
      const annotations = { 'org.opencontainers.image.created': '2024-01-01T00:00:00Z', key: 'value' };
      const signature = artifact(subject.manifest, SIGNATURE, { annotations });
      const sbom = artifact(subject.manifest, SBOM);
      await registry().pushImage(repository, signature);
      await registry().pushImage(repository, sbom, 'tagged-too');
      const found = await referrers(repository, subject.manifest.digest);
      expect(found).toHaveLength(2);
      expect(found).toEqual(expect.arrayContaining([entry(signature, SIGNATURE, annotations), entry(sbom, SBOM)]));
    });

    test('an image without artifactType is listed with the media type of its config', async () => {
      const repository = newRepository('config-type');
      const subject = image();
      await registry().pushImage(repository, subject);
      const child = image({ fields: { subject: descriptor(subject.manifest) } });
      await registry().pushImage(repository, child);
      expect(await referrers(repository, subject.manifest.digest)).toEqual([entry(child, MEDIA_TYPES.ociConfig)]);
    });

    test('an index may refer to a subject, and its artifactType is listed where it has one', async () => {
      const repository = newRepository('index-subject');
      const subject = index([image()]);
      await registry().pushImage(repository, subject, 'latest');
      const fields = { subject: descriptor(subject.manifest) };
      const typed = index([image()], { fields: { ...fields, artifactType: SBOM } });
      const untyped = index([image()], { fields });
      for (const referrer of [typed, untyped]) {
        const answer = await registry().pushImage(repository, referrer);
        expect(answer.header('OCI-Subject')).toBe(subject.manifest.digest);
      }
      const found = await referrers(repository, subject.manifest.digest);
      expect(found).toHaveLength(2);
      expect(found).toEqual(expect.arrayContaining([entry(typed, SBOM), descriptor(untyped.manifest)]));
    });

    test('artifactType filters, and OCI-Filters-Applied says so', async () => {
      const repository = newRepository('filter');
      const subject = image();
      await registry().pushImage(repository, subject);
      const [signature, sbom] = [artifact(subject.manifest, SIGNATURE), artifact(subject.manifest, SBOM)];
      for (const referrer of [signature, sbom]) await registry().pushImage(repository, referrer);
      const path = `/v2/${repository}/referrers/${subject.manifest.digest}`;
      for (const [type, expected] of [
        [SIGNATURE, [entry(signature, SIGNATURE)]],
        [SBOM, [entry(sbom, SBOM)]],
        ['application/vnd.example.unknown', []],
      ] as const) {
        const answer = await registry().get(`${path}?artifactType=${encodeURIComponent(type)}`);
        expect(answer.header('OCI-Filters-Applied')).toBe('artifactType');
        expect(answer.json<ReferrersList>().manifests).toEqual(expected);
      }
      expect((await registry().get(path)).headers['oci-filters-applied']).toBeUndefined();
    });

    test('a subject that nobody pushed has an empty list, in a repository that nobody made too', async () => {
      const repository = newRepository('no-referrers');
      expect(await referrers(repository, digestOf(Buffer.from('unknown')))).toEqual([]);
      await registry().pushImage(repository, image());
      expect(await referrers(repository, digestOf(Buffer.from('unknown')))).toEqual([]);
    });

    test('a referrer may be pushed before its subject', async () => {
      const repository = newRepository('before');
      const subject = image();
      const signature = artifact(subject.manifest, SIGNATURE);
      const answer = await registry().pushImage(repository, signature);
      expect(answer.header('OCI-Subject')).toBe(subject.manifest.digest);
      expect(await referrers(repository, subject.manifest.digest)).toEqual([entry(signature, SIGNATURE)]);
      await registry().pushImage(repository, subject);
      expect(await referrers(repository, subject.manifest.digest)).toEqual([entry(signature, SIGNATURE)]);
    });

    test('a deleted referrer is gone from the list at once', async () => {
      const repository = newRepository('deleted-referrer');
      const subject = image();
      await registry().pushImage(repository, subject);
      const [kept, removed] = [artifact(subject.manifest, SIGNATURE), artifact(subject.manifest, SBOM)];
      for (const referrer of [kept, removed]) await registry().pushImage(repository, referrer);
      const answer = await registry().delete(`/v2/${repository}/manifests/${removed.manifest.digest}`);
      expect(answer.status).toBe(202);
      expect(await referrers(repository, subject.manifest.digest)).toEqual([entry(kept, SIGNATURE)]);
    });

    test('referrers of one repository are not listed in another', async () => {
      const [one, other] = [newRepository('one'), newRepository('other')];
      const subject = image();
      for (const repository of [one, other]) await registry().pushImage(repository, subject);
      await registry().pushImage(one, artifact(subject.manifest, SIGNATURE));
      expect(await referrers(other, subject.manifest.digest)).toEqual([]);
    });

    test.each<Algorithm>(['sha256', 'sha512'])('a subject may have a %s digest', async (algorithm) => {
      const repository = newRepository(`subject-${algorithm}`);
      const subject = image({ algorithm });
      await registry().pushImage(repository, subject);
      const signature = artifact(subject.manifest, SIGNATURE);
      const answer = await registry().pushImage(repository, signature);
      expect(answer.header('OCI-Subject')).toBe(subject.manifest.digest);
      expect(await referrers(repository, subject.manifest.digest)).toEqual([entry(signature, SIGNATURE)]);
    });

    test('many referrers are all listed', async () => {
      const repository = newRepository('many');
      const subject = image();
      await registry().pushImage(repository, subject);
      await registry().pushBlob(repository, EMPTY_JSON);
      const digests: string[] = [];
      for (let number = 0; number < 40; number++) {
        const fields = {
          subject: descriptor(subject.manifest),
          artifactType: SIGNATURE,
          annotations: { number: `${number}` },
        };
        const referrer = manifest(MEDIA_TYPES.ociManifest, {
          ...fields,
          config: descriptor(EMPTY_JSON),
          layers: [descriptor(EMPTY_JSON)],
        });
        await registry().pushManifest(repository, referrer);
        digests.push(referrer.digest);
      }
      const found = await referrers(repository, subject.manifest.digest);
      expect(found.map(({ digest }) => digest).sort()).toEqual(digests.sort());
    });

    test('a malformed digest is refused', async () => {
      const answer = await registry().get(`/v2/${newRepository('malformed')}/referrers/sha256:bad`);
      expectError(answer, 400, 'DIGEST_INVALID');
    });

    test('the list is an index whose bytes are as many as Content-Length says', async () => {
      const repository = newRepository('length');
      const answer = await registry().get(`/v2/${repository}/referrers/${content(Buffer.from('x'), 'x/y').digest}`);
      expect(answer.header('Content-Length')).toBe(String(answer.body.length));
    });
  });
}
