import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type Payload, payloadOf, uniquePayload } from '../payload.ts';
import { requireTool } from '../tools.ts';
import { writePayload } from '../write-payload.ts';
import { printed } from './program.ts';

const TAG = 'latest';

/** An image on disk that no registry has seen, as an OCI layout: https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md */
export class LocalImage {
  readonly digests: readonly string[];
  readonly #directory: string;

  /** @param directory its own; what is in it is replaced */
  constructor(directory: string, layers: { readonly count: number; readonly size: number }) {
    this.#directory = directory;
    rmSync(directory, { recursive: true, force: true });
    mkdirSync(path.join(directory, 'blobs/sha256'), { recursive: true });
    const contents = Array.from({ length: layers.count }, () => uniquePayload(layers.size));
    const config = payloadOf(
      json({
        ...{ architecture: 'amd64', os: 'linux', config: {} },
        rootfs: { type: 'layers', diff_ids: contents.map(({ digest }) => digest) },
      }),
    );
    const manifest = payloadOf(
      json({
        ...{ schemaVersion: 2, mediaType: 'application/vnd.oci.image.manifest.v1+json' },
        config: descriptor('config.v1+json', config),
        layers: contents.map((layer) => descriptor('layer.v1.tar+gzip', layer)),
      }),
    );
    const blobs = [config, manifest, ...contents];
    for (const blob of blobs) writePayload(path.join(directory, 'blobs', blob.digest.replace(':', '/')), blob);
    const named = {
      ...descriptor('manifest.v1+json', manifest),
      annotations: { 'org.opencontainers.image.ref.name': TAG },
    };
    writeFileSync(path.join(directory, 'index.json'), json({ schemaVersion: 2, manifests: [named] }));
    writeFileSync(path.join(directory, 'oci-layout'), json({ imageLayoutVersion: '1.0.0' }));
    this.digests = blobs.map(({ digest }) => digest);
  }

  /** Copies the image to a registry. @returns seconds */
  async copyTo(url: string, repository: string, token: string): Promise<number> {
    const home = path.join(this.#directory, 'home');
    // skopeo remembers which registries have a blob, and would mount it.
    rmSync(home, { recursive: true, force: true });
    mkdirSync(home);
    const to = `docker://${new URL(url).host}/${repository}:${TAG}`;
    const options = ['--preserve-digests', '--dest-tls-verify=false', '--dest-registry-token', token];
    const started = performance.now();
    await printed(
      requireTool('skopeo'),
      ['--insecure-policy', 'copy', '--quiet', ...options, `oci:${this.#directory}:${TAG}`, to],
      { env: { HOME: home, XDG_RUNTIME_DIR: home } },
    );
    return (performance.now() - started) / 1000;
  }

  remove(): void {
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

function descriptor(mediaType: string, { digest, size }: Payload) {
  return { mediaType: `application/vnd.oci.image.${mediaType}`, digest, size };
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}
