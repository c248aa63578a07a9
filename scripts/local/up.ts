// `npm run up`, from where the packages are installed: deploys the local stack and prints what a client needs.
import path from 'node:path';
import { parseArgs } from 'node:util';
import { renderConfig, toYaml } from '../../constructs/shared/render-config.ts';
import { readLocalSettings, registrySettings } from '../../stacks/local-settings.ts';
import { cdktf, STACK } from './cdktf.ts';
import { connect } from './connection.ts';
import { localFiles, prepareDataDirectory } from './data-directory.ts';
import { deployedSettings } from './deployed-settings.ts';
import { describeConnection, type Outcome } from './describe-connection.ts';
import { assertPortFree } from './listen-port.ts';
import { progress } from './progress.ts';
import { isReady } from './readiness.ts';
import { reportingErrors } from './report-error.ts';
import { REPOSITORY } from './repository.ts';
import { listenAddressOf, runningServer, type ServerProcess, startServer } from './server-process.ts';
import { UserError } from './user-error.ts';

await reportingErrors(async () => {
  const json = wantsJson(process.argv.slice(2));
  const settings = readLocalSettings(REPOSITORY);
  const registry = registrySettings(settings, REPOSITORY);
  const dataDirectory = path.resolve(REPOSITORY, settings.dataDirectory);
  const configuration = toYaml(renderConfig(registry));
  const address = listenAddressOf(configuration);

  // Asked before anything is stopped, and answered in one line instead of Terraform's many.
  prepareDataDirectory(dataDirectory);
  const deployed = deployedSettings();
  const before = runningServer(path.resolve(REPOSITORY, (deployed ?? settings).dataDirectory));
  if (before?.port !== settings.port) await assertPortFree(address);

  progress(`Deploying the stack "${STACK}" with cdktf; this takes about ten seconds ...`);
  await cdktf('deploy');

  // Terraform knows what it has started, not whether it runs still.
  const ready = runningServer(dataDirectory) !== undefined && (await isReady(address, localFiles(dataDirectory).ca));
  if (!ready) await startServer(dataDirectory, configuration);
  const after = runningServer(dataDirectory);
  const outcome = outcomeOf({ deployed: deployed !== undefined, ready, before, after });

  const connection = await connect(registry, dataDirectory);
  if (json) console.log(JSON.stringify({ ...connection, outcome }, undefined, 2));
  else console.log(describeConnection(connection, outcome));
});

function wantsJson(args: string[]): boolean {
  try {
    return parseArgs({ args, options: { json: { type: 'boolean', default: false } } }).values.json;
  } catch (cause) {
    throw new UserError(
      `${(cause as Error).message.split('.')[0]}; the only option is --json: npm run --silent up -- --json`,
      { cause },
    );
  }
}

interface Observed {
  /** Whether the stack was deployed before this run. */
  readonly deployed: boolean;
  /** Whether the server answered after the deploy, without being started beside Terraform. */
  readonly ready: boolean;
  readonly before: ServerProcess | undefined;
  readonly after: ServerProcess | undefined;
}

function outcomeOf({ deployed, ready, before, after }: Observed): Outcome {
  if (!deployed) return 'started';
  if (before === undefined || !ready) return 'recovered';
  return before.identity === after?.identity ? 'unchanged' : 'restarted';
}
