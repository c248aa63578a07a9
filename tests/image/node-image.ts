import { copyFileSync, cpSync, existsSync, mkdirSync, realpathSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { ImageBuild } from '../../scripts/image/build-image.ts';
import { downloadDebianPackages } from '../../scripts/image/debian-packages.ts';
import { hostArchitecture } from '../../scripts/image/native-packages.ts';
import { findTool } from '../support/requirements.ts';
import { runCommand } from '../support/run-command.ts';
import { REPOSITORY } from './image-archive.ts';

/** The authorities that this machine trusts, which may include one of its own network. */
const HOST_AUTHORITIES = '/etc/ssl/certs/ca-certificates.crt';

const CONTAINERFILE = `
FROM scratch
ADD libraries.tar.gz node.tar.gz /
COPY busybox /usr/bin/busybox
RUN ["/usr/bin/busybox", "--install", "-s", "/usr/bin"]
COPY npm /usr/local/lib/node_modules/npm
COPY authorities.crt ${HOST_AUTHORITIES}
RUN rmdir /var/lib/registry && ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm
ENV PATH=/usr/local/bin:/usr/bin
ENV NODE_EXTRA_CA_CERTS=${HOST_AUTHORITIES}
ENV npm_config_cafile=${HOST_AUTHORITIES}
CMD ["node"]
`;

/**
 * Makes an image that stands in for the one that the Dockerfile starts from, where no registry can be reached: Debian's libraries
 * and Node from our own archive, a shell from busybox, npm from this machine.
 */
export async function buildNodeImage(options: {
  readonly name: string;
  /** Our own image, which has the libraries in its first layer and Node in its second. */
  readonly image: ImageBuild;
  /** Where the parts are put together. */
  readonly directory: string;
  readonly buildah: (...args: string[]) => Promise<string>;
}): Promise<void> {
  const { name, image, directory, buildah } = options;
  const context = path.join(directory, 'node-image');
  const inContext = (file: string) => path.join(context, file);
  mkdirSync(context);
  for (const [index, file] of ['libraries.tar.gz', 'node.tar.gz'].entries()) {
    const blob = `blobs/${image.layers[index]?.digest.replace(':', '/')}`;
    await runCommand('tar', ['--extract', `--file=${image.archive}`, `--directory=${context}`, blob]);
    renameSync(inContext(blob), inContext(file));
  }
  const [busybox] = await downloadDebianPackages(['busybox-static'], {
    cache: path.join(REPOSITORY, 'node_modules/.cache/registry-image'),
    architecture: hostArchitecture(),
    progress: () => {},
  });
  await runCommand('dpkg-deb', ['--extract', busybox?.file ?? '', inContext('package')]);
  renameSync(inContext('package/usr/bin/busybox'), inContext('busybox'));
  const npm = path.dirname(path.dirname(realpathSync(findTool('npm') ?? '')));
  cpSync(npm, inContext('npm'), { recursive: true, dereference: true });
  if (existsSync(HOST_AUTHORITIES)) copyFileSync(HOST_AUTHORITIES, inContext('authorities.crt'));
  else writeFileSync(inContext('authorities.crt'), '');
  writeFileSync(inContext('Containerfile'), CONTAINERFILE);
  await buildah('bud', '--isolation=chroot', '--pull-never', `--tag=${name}`, context);
}
