import { createHash } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { pack } from 'tar-stream';

const MESSAGE = 'This image came from your own registry.\n';

/**
 * An image with one small file, for a first push without the internet: a tar archive that docker, podman and skopeo load
 * (https://github.com/moby/moby/blob/v28.0.0/image/spec/spec.md#combined-image-json--filesystem-changeset-format).
 *
 * @param name what it is called after loading, such as `127.0.0.1:5000/hello:latest`
 */
export async function exampleImage(name: string): Promise<Buffer> {
  const layer = await archive({ 'hello.txt': MESSAGE });
  const config = JSON.stringify({
    architecture: 'amd64',
    os: 'linux',
    config: {},
    rootfs: { type: 'layers', diff_ids: [`sha256:${createHash('sha256').update(layer).digest('hex')}`] },
    history: [{ created: '1970-01-01T00:00:00Z', created_by: 'npm run up' }],
  });
  const manifest = JSON.stringify([{ Config: 'config.json', RepoTags: [name], Layers: ['layer.tar'] }]);
  return archive({ 'layer.tar': layer, 'config.json': config, 'manifest.json': manifest });
}

async function archive(files: Readonly<Record<string, string | Buffer>>): Promise<Buffer> {
  const tar = pack();
  for (const [name, content] of Object.entries(files)) tar.entry({ name, mtime: new Date(0) }, content);
  tar.finalize();
  return buffer(tar);
}
