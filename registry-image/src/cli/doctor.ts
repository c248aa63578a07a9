import { Command } from 'commander';
import { readConfig, withConfigFile } from './config-file.ts';

export function doctorCommand(): Command {
  return new Command('doctor')
    .description('try out what the server depends on, and say what is wrong and what to do')
    .addCommand(storage());
}

function storage(): Command {
  return withConfigFile(new Command('storage'))
    .description('try everything that is asked of storage on objects of its own, also beside a running server')
    .option('--json', 'print the verdicts as one JSON object')
    .action(async (file: string | undefined, { json }: { json?: boolean }) => {
      const { config } = await readConfig(file);
      const { doctorStorage } = await import('./doctor-storage.ts');
      process.exitCode = await doctorStorage(config, { json: json === true });
    });
}
