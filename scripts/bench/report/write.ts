import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { chart } from './chart.ts';
import { withResults } from './page.ts';
import type { Results } from './results.ts';
import { summary } from './table.ts';

/** Writes results.json, chart.svg and the part of README.md between its markers. @returns the files */
export function writeReport(directory: string, results: Results): readonly string[] {
  mkdirSync(directory, { recursive: true });
  const [page, picture, data] = ['README.md', 'chart.svg', 'results.json'].map((name) =>
    path.join(directory, name),
  ) as [string, string, string];
  const text = existsSync(page) ? readFileSync(page, 'utf8') : undefined;
  writeFileSync(page, withResults(text, `![The ratios of the table as bars](chart.svg)\n\n${summary(results)}`));
  writeFileSync(picture, chart(results.rows, caption(results)));
  writeFileSync(data, `${JSON.stringify(results, undefined, 2)}\n`);
  return [page, picture, data];
}

function caption({ date, machine, peers }: Results): string {
  const where = `${date.slice(0, 10)}, ${machine.cores} cores of ${machine.cpu}`;
  return `${where}; against ${peers[0]} where nothing else is said; logarithmic`;
}
