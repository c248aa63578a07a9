/** `npm run down`: destroys the local stack, which stops the server. Its data stays. */
import { existsSync } from 'node:fs';
import { ROOT, runLocal } from './host/run-local.mjs';

if (existsSync(`${ROOT}/terraform.local.tfstate`)) {
  runLocal('down', process.argv.slice(2));
} else {
  console.log('Nothing to stop: the local registry is not deployed. npm run up deploys it.');
}
