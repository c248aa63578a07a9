// `npm run down`, from where the packages are installed: destroys the local stack, which stops the server.
import { readLocalSettings } from '../../stacks/local-settings.ts';
import { cdktf, STACK } from './cdktf.ts';
import { deployedSettings } from './deployed-settings.ts';
import { progress } from './progress.ts';
import { reportingErrors } from './report-error.ts';
import { REPOSITORY } from './repository.ts';

await reportingErrors(async () => {
  const deployed = deployedSettings();
  if (deployed === undefined) {
    console.log('Nothing to stop: the local registry is not deployed. npm run up deploys it.');
    return;
  }
  // cdktf reads them too, and would show their faults with a stack.
  readLocalSettings(REPOSITORY);
  progress(`Destroying the stack "${STACK}" with cdktf ...`);
  await cdktf('destroy');
  console.log(`\nThe registry is stopped. Its data stays in ${deployed.dataDirectory}; npm run up serves it again.`);
});
