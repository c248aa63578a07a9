import { Command } from 'commander';
import { readConfig, withConfigFile } from './config-file.ts';

export function serveCommand(): Command {
  return withConfigFile(new Command('serve'))
    .description('run the registry until SIGTERM or SIGINT')
    .action(async (file: string | undefined) => {
      const { config, warnings } = await readConfig(file);
      const { serve } = await import('../serve.ts');
      await serve(config, warnings);
    });
}
