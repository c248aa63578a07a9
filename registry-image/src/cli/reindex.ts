import { Command } from 'commander';
import { readConfig, withConfigFile } from './config-file.ts';

export function reindexCommand(): Command {
  return withConfigFile(new Command('reindex'))
    .description('rebuild the index from storage; stop the server first')
    .option('--json', 'print the counts as one JSON object')
    .action(async (file: string | undefined, { json }: { json?: boolean }) => {
      const { config } = await readConfig(file);
      const { reindex } = await import('../reindex.ts');
      const report = await reindex(config);
      if (json) {
        console.log(JSON.stringify(report));
        return;
      }
      const { skipped, ...counts } = report;
      const summary = Object.entries(counts).map(([what, count]) => `${count} ${what}`);
      console.log(`The index holds ${summary.join(', ')}.`);
      for (const { key, reason } of skipped) console.error(`left out: ${key}: ${reason}`);
    });
}
