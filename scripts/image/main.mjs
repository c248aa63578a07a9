// The start of `npm run image`, in plain JavaScript: it also runs on an old Node and before `npm ci`, to say what to do.
import { existsSync } from 'node:fs';
import process from 'node:process';

/** Built-in type stripping is on from here. */
const [MAJOR, MINOR] = [22, 19];

function fail(message) {
  process.stderr.write(`image: ${message}\n`);
  process.exit(1);
}

if (!existsSync(new URL('../../node_modules/esbuild', import.meta.url))) {
  fail('the packages of this repository are not installed; run: npm ci');
}
const [major, minor] = process.versions.node.split('.').map(Number);
if (major < MAJOR || (major === MAJOR && minor < MINOR)) {
  fail(`Node ${process.version} is too old, ${MAJOR}.${MINOR} or newer is needed; npm brings one along: npm run image`);
}
const { main } = await import('./main.ts');
await main(process.argv.slice(2)).catch((error) =>
  fail(error.name === 'ImageBuildError' ? error.message : error.stack),
);
