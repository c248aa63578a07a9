import { createHash } from 'node:crypto';
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** What a running server was started from: its sources, and the versions of what they import. */
const SOURCES = ['registry-image/package.json', 'registry-image/src/**/*.ts', 'package-lock.json'];

/** SHA-256 over the server's sources, which changes when a server that runs should be started again. */
export function serverSourcesDigest(repository: string): string {
  const digest = createHash('sha256');
  for (const file of SOURCES.flatMap((pattern) => globSync(pattern, { cwd: repository })).sort()) {
    const content = createHash('sha256').update(readFileSync(path.join(repository, file)));
    digest.update(`${content.digest('hex')} ${file}\n`);
  }
  return `sha256:${digest.digest('hex')}`;
}
