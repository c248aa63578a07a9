/**
 * `npm test`: installs what is missing, then runs jest on Node 24. Arguments are jest's (`npm test -- tests/clients`).
 * `--unit` leaves out whatever starts servers, container clients or Terraform.
 *
 * Starts on Node 20 without node_modules: built-in modules only.
 */
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { installMissing } from './host/install.mjs';
import { checkNode, findNode } from './host/node.mjs';

const root = path.resolve(import.meta.dirname, '..');
const WITHOUT_SYSTEM_TESTS =
  '--testPathIgnorePatterns=tests/(clients|conformance|image|interop|package|recovery|stacks)/';

checkNode();
installMissing(root);

const unitTestsOnly = process.argv.includes('--unit');
// Last: jest takes every argument behind it as one more pattern.
const args = process.argv.slice(2).filter((argument) => argument !== '--unit');
if (unitTestsOnly) args.push(WITHOUT_SYSTEM_TESTS);
const node = findNode(root);
const { status } = spawnSync(
  node,
  ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning', 'node_modules/jest/bin/jest.js', ...args],
  {
    cwd: root,
    stdio: 'inherit',
    env: {
      ...process.env,
      PATH: `${path.join(root, 'node_modules/.bin')}${path.delimiter}${process.env.PATH}`,
      ...(unitTestsOnly ? { UNIT_TESTS_ONLY: 'true' } : {}),
    },
  },
);
process.exitCode = status ?? 1;
