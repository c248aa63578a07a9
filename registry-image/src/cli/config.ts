import { Command } from 'commander';
import { ConfigurationError } from '../errors/configuration-error.ts';
import { configFile, readConfig, withConfigFile } from './config-file.ts';
import { EXIT } from './exit-codes.ts';

export function configCommand(): Command {
  return new Command('config').description('look at a configuration').addCommand(check()).addCommand(print());
}

function check(): Command {
  return withConfigFile(new Command('check'))
    .description('test a configuration file: every fault on standard error, warnings on standard output')
    .option('--json', 'print {"valid", "faults", "warnings"} as one JSON object')
    .action(async (file: string | undefined, { json }: { json?: boolean }) => {
      try {
        const { warnings } = await readConfig(file);
        if (json) console.log(JSON.stringify({ valid: true, faults: [], warnings }));
        else
          for (const line of [...warnings.map((warning) => `warning: ${warning}`), `${configFile(file)} is valid`])
            console.log(line);
      } catch (error) {
        if (!(error instanceof ConfigurationError)) throw error;
        if (json) console.log(JSON.stringify({ valid: false, faults: error.faults, warnings: [] }));
        else console.error(error.message);
        process.exitCode = EXIT.failed;
      }
    });
}

function print(): Command {
  return withConfigFile(new Command('print'))
    .description('print the configuration as it is used: file, environment and defaults, as YAML')
    .option('--redacted', 'hide secrets')
    .action(async (file: string | undefined, { redacted }: { redacted?: boolean }) => {
      const { config, value } = await readConfig(file);
      const { printConfig } = await import('../config/print.ts');
      process.stdout.write(printConfig(config, value, { redacted: redacted === true }));
    });
}
