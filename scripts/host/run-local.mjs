import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { installMissing } from './install.mjs';
import { checkNode, findNode } from './node.mjs';
import { checkTerraform } from './terraform.mjs';

/** Root of the repository. Not import.meta.dirname: an old Node is to get as far as the message about it. */
export const ROOT = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');

/**
 * Checks what the host has to have, installs the packages and hands over to scripts/local/<command>.ts on a Node that runs it.
 * Everything up to there is plain JavaScript on built-in modules: it runs on Node 20, and before there is a node_modules.
 */
export function runLocal(command, args) {
  checkNode();
  checkTerraform();
  installMissing(ROOT);
  const node = findNode(ROOT);
  const { status } = spawnSync(node, [path.join(ROOT, `scripts/local/${command}.ts`), ...args], {
    cwd: ROOT,
    stdio: 'inherit',
  });
  process.exitCode = status ?? 1;
}
