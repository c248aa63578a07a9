import { buffer } from 'node:stream/consumers';
import { pack } from 'tar-stream';

/** One entry of a tar archive, by its path without a leading slash. */
export interface TarEntry {
  readonly path: string;
  readonly content: Buffer | 'directory' | { readonly linkTo: string };
  /** @default - 0644 for a file, 0755 for a directory */
  readonly mode?: number;
  /** User and group. @default 0 */
  readonly owner?: number;
}

/** A tar archive of the entries in their order, all of them from the time `mtime`: the same entries give the same bytes. */
export async function packTar(entries: readonly TarEntry[], mtime: Date): Promise<Buffer> {
  const archive = pack();
  for (const { path: name, content, mode, owner = 0 } of entries) {
    const header = { name, mtime, uid: owner, gid: owner };
    if (content === 'directory') archive.entry({ ...header, type: 'directory', mode: mode ?? 0o755 });
    else if ('linkTo' in content) archive.entry({ ...header, type: 'symlink', linkname: content.linkTo, mode: 0o777 });
    else archive.entry({ ...header, mode: mode ?? 0o644 }, content);
  }
  archive.finalize();
  return buffer(archive);
}
