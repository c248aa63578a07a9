import { misses, type Results, type Row } from './results.ts';

const HEAD = ['case', 'against', 'ours', 'peer', 'unit', 'ratio', 'goal', 'CPU ours', 'CPU peer', 'CPU unit'];

/** A load beside the bench from which on its figures are not to be trusted. */
const BUSY = 0.7;

/** Columns of numbers, which stand at the right. */
const RIGHT = new Set(['ours', 'peer', 'ratio', 'goal', 'CPU ours', 'CPU peer']);

/** The rows as a table of Markdown. */
export function table(rows: readonly Row[]): string {
  const lines = [HEAD, HEAD.map((name) => (RIGHT.has(name) ? '---:' : '---')), ...rows.map(cells)];
  return lines.map((line) => `| ${line.join(' | ')} |`).join('\n');
}

/** What was measured, on what, and the table. */
export function summary(results: Results): string {
  const { date, machine, node, server, peers, rounds, quick, notRun, rows } = results;
  const missed = rows.filter(misses);
  const withGoal = rows.filter(({ goal }) => goal !== null);
  return [
    `${date.slice(0, 10)}, ${machine.cores} cores of ${machine.cpu}, ${machine.memoryGiB} GiB, Linux ${machine.kernel}, Node ${node}. ` +
      `This server: ${server}. Against ${peers.join(', ')}. ${roundsText(rounds)}` +
      `${quick ? '; a quick run, to be taken with care' : ''}` +
      `${machine.loadAtStart > BUSY ? `; the machine was busy with other things (load ${machine.loadAtStart}), so that ratios say little` : ''}.`,
    `Goals reached: ${withGoal.length - missed.length} of ${withGoal.length}. ` +
      'The ratio is how many times better ours is; a goal that is missed stands in bold.',
    table(rows),
    ...(notRun.length > 0 ? [['Not run:', ...notRun.map((line) => `- ${line}`)].join('\n')] : []),
  ].join('\n\n');
}

function roundsText({ usual, long }: Results['rounds']): string {
  if (usual === 1) return 'One round';
  return `Medians of ${usual} rounds${long === usual ? '' : ` (${long} where one takes many seconds)`}`;
}

function cells(row: Row): string[] {
  const { title, against, ours, peer, unit, ratio, goal, cpu } = row;
  const times = `${format(ratio)}×`;
  return [
    title,
    against,
    format(ours),
    format(peer),
    unit,
    misses(row) ? `**${times}**` : times,
    goal === null ? '' : `${goal}×`,
    ...(cpu === null ? ['', '', ''] : [format(cpu.ours), format(cpu.peer), cpu.unit]),
  ];
}

/** 12345 as 12,345. */
function format(value: number): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: 4 });
}
