import { execFile } from 'node:child_process';
import { buffer } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { extract } from 'tar-stream';
import { type DebianPackageFile, downloadDebianPackages } from './debian-packages.ts';
import { ImageBuildError } from './image-build-error.ts';
import type { Architecture } from './native-packages.ts';
import type { Progress } from './progress.ts';
import type { TarEntry } from './tar.ts';

const run = promisify(execFile);

/** The user that the server runs as. */
export const REGISTRY_UID = 1000;

const NOTHING = /^$/;

/** The file, or the link to the folder of another package of the same source. */
const COPYRIGHT = /^usr\/share\/doc\/[^/]+(\/copyright)?$/;

/** What is taken from each package: besides its copyright file: what Node and the packages with native code load. */
const PACKAGES: Record<string, RegExp> = {
  'base-files': /^(usr\/lib\/os-release|etc\/os-release|etc\/debian_version|usr\/share\/common-licenses\/.*)$/,
  'ca-certificates': /^usr\/share\/ca-certificates\/mozilla\/.*\.crt$/,
  'gcc-14-base': NOTHING,
  libc6:
    /^usr\/lib(64)?\/([a-z0-9_]+-linux-gnu\/)?(ld-linux-.*|lib(c|m|dl|pthread|rt|resolv|nss_dns|nss_files)\.so\.\d)$/,
  'libgcc-s1': /^usr\/lib\/.*\/libgcc_s\.so\.1$/,
  'libstdc++6': /^usr\/lib\/.*\/libstdc\+\+\.so\.6[.\d]*$/,
};

/** Where Debian's own tools leave the bundle of all certificate authorities. */
const CERTIFICATE_BUNDLE = 'etc/ssl/certs/ca-certificates.crt';

/**
 * The layer that changes least: Debian's C and C++ libraries, a user, and the folders that the server writes to. No shell and
 * no package manager. Scanners find the packages in /var/lib/dpkg/status.d, as in distroless images.
 *
 * @throws {ImageBuildError} when the packages cannot be fetched here
 */
export async function baseLayer(options: {
  cache: string;
  architecture: Architecture;
  progress: Progress;
}): Promise<{ entries: TarEntry[]; packages: DebianPackageFile[] }> {
  const packages = await downloadDebianPackages(Object.keys(PACKAGES), options);
  const entries = (await Promise.all(packages.map(entriesOfPackage))).flat();
  return { entries: [...bundleCertificates(entries), ...skeleton()], packages };
}

async function entriesOfPackage({ name, file }: DebianPackageFile): Promise<TarEntry[]> {
  const wanted = PACKAGES[name] ?? NOTHING;
  const entries = (await unpack(file)).filter(({ path }) => wanted.test(path) || COPYRIGHT.test(path));
  if (wanted !== NOTHING && !entries.some(({ path }) => wanted.test(path))) {
    throw new ImageBuildError(`${file} has no file ${wanted.source}; base-layer.ts knows the packages of Debian 13`);
  }
  const { stdout: control } = await run('dpkg-deb', ['--field', file]);
  return [...entries, { path: `var/lib/dpkg/status.d/${name}`, content: Buffer.from(control) }];
}

/** The files and links of a package. */
async function unpack(file: string): Promise<TarEntry[]> {
  const { stdout } = await run('dpkg-deb', ['--fsys-tarfile', file], { encoding: 'buffer', maxBuffer: 2 ** 28 });
  const archive = extract();
  archive.end(stdout);
  const entries: TarEntry[] = [];
  for await (const found of archive) {
    const path = found.header.name.replace(/^\.\//, '');
    const { type, mode, linkname } = found.header;
    const content = await buffer(found);
    if (type === 'file') entries.push({ path, content, mode });
    if (type === 'symlink') entries.push({ path, content: { linkTo: linkname } });
  }
  return entries;
}

/** Does what update-ca-certificates does when ca-certificates is installed: one file with all of them, by name. */
function bundleCertificates(entries: readonly TarEntry[]): TarEntry[] {
  const isCertificate = ({ path }: TarEntry) => path.startsWith('usr/share/ca-certificates/');
  const texts = entries
    .filter(isCertificate)
    .sort((a, b) => (a.path < b.path ? -1 : 1))
    .map(({ content }) => `${String(content).trimEnd()}\n`);
  return [
    ...entries.filter((entry) => !isCertificate(entry)),
    { path: CERTIFICATE_BUNDLE, content: Buffer.from(texts.join('')) },
  ];
}

/** What a package manager and an administrator would have made. */
function skeleton(): TarEntry[] {
  const text = (path: string, ...lines: string[]) => ({ path, content: Buffer.from(`${lines.join('\n')}\n`) });
  const link = (path: string, linkTo: string) => ({ path, content: { linkTo } });
  return [
    link('bin', 'usr/bin'),
    link('lib', 'usr/lib'),
    link('lib64', 'usr/lib64'),
    { path: 'usr/bin', content: 'directory' },
    { path: 'usr/lib64', content: 'directory' },
    { path: 'tmp', content: 'directory', mode: 0o1777 },
    text('etc/passwd', 'root:x:0:0:root:/root:/usr/sbin/nologin', passwdLine()),
    text('etc/group', 'root:x:0:', `registry:x:${REGISTRY_UID}:`),
    text('etc/nsswitch.conf', 'passwd: files', 'group: files', 'hosts: files dns'),
    { path: 'var/lib/registry', content: 'directory', mode: 0o750, owner: REGISTRY_UID },
  ];
}

function passwdLine(): string {
  return `registry:x:${REGISTRY_UID}:${REGISTRY_UID}:registry:/var/lib/registry:/usr/sbin/nologin`;
}
