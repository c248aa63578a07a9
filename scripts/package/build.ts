import { spawnSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const REPOSITORY = path.resolve(import.meta.dirname, '../..');
const LIBRARY = path.join(REPOSITORY, 'dist/lib');

/** `npm run build`: what `npm pack` puts into the package (tsconfig.build.json says why it is CommonJS). */
rmSync(LIBRARY, { recursive: true, force: true });
const compiler = path.join(REPOSITORY, 'node_modules/.bin/tsc');
const { status } = spawnSync(compiler, ['-p', 'tsconfig.build.json'], { cwd: REPOSITORY, stdio: 'inherit' });
if (status === 0) {
  // The package itself is of type module.
  writeFileSync(path.join(LIBRARY, 'package.json'), '{ "type": "commonjs" }\n');
}
process.exitCode = status ?? 1;
