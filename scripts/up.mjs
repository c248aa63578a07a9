/** `npm run up`: installs what is missing and deploys the local stack. `npm run --silent up -- --json` prints the result as JSON. */
import { runLocal } from './host/run-local.mjs';

runLocal('up', process.argv.slice(2));
