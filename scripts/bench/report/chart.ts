import { misses, type Row } from './results.ts';

/** Sizes in pixels of the drawing, which scales. */
const WIDTH = 1000;
const MARGIN = 16;
/** Of one letter of a label, at most, on average. */
const LETTER = 6.9;
const RIGHT = 70;
const TOP = 84;
const LINE = 24;
const BAR = 14;
const BOTTOM = 16;
const LEGEND_STEP = 110;

/** Gridlines of the scale, which is logarithmic. */
const TICKS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000];

const STYLE = `
  text { font: 12px system-ui, -apple-system, 'Segoe UI', sans-serif; fill: #1f2328; }
  .title { font-size: 16px; font-weight: 600; }
  .small { fill: #59636e; font-size: 11px; }
  .paper { fill: #ffffff; }
  .grid { stroke: #d1d9e0; }
  .even { stroke: #59636e; }
  .good { fill: #1a7f64; }
  .missed { fill: #bc4c00; }
  .free { fill: #8c959f; }
  .goal { stroke: #1f2328; stroke-width: 2.5; }
  .halo { stroke: #ffffff; stroke-width: 5.5; }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc; }
    .small { fill: #9198a1; }
    .paper { fill: #0d1117; }
    .grid { stroke: #2f353d; }
    .even { stroke: #9198a1; }
    .good { fill: #3fb28a; }
    .missed { fill: #f0883e; }
    .free { fill: #6e7681; }
    .goal { stroke: #f0f6fc; }
    .halo { stroke: #0d1117; }
  }`;

/** The ratios as bars on a logarithmic scale, with a mark at each goal. @param caption what was compared, and where */
export function chart(rows: readonly Row[], caption: string): string {
  const height = TOP + rows.length * LINE + BOTTOM;
  const left = MARGIN + Math.ceil(LETTER * Math.max(...rows.map((row) => labelOf(row).length)));
  const { position, ticks } = scale(rows, left);
  const bottom = height - BOTTOM;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-labelledby="title caption">
<title id="title">How many times better this server is</title>
<desc id="caption">${escaped(caption)}</desc>
<style>${STYLE}
</style>
<rect class="paper" width="${WIDTH}" height="${height}"/>
<text class="title" x="${MARGIN}" y="26">How many times better this server is</text>
<text class="small" x="${MARGIN}" y="44">${escaped(caption)}</text>
${legend(left)}
${ticks.map((tick) => gridline(tick, position(tick), bottom)).join('\n')}
${rows.map((row, index) => bar(row, { left, top: TOP + index * LINE, position })).join('\n')}
</svg>
`;
}

function legend(left: number): string {
  const entries = [
    ['good', 'goal reached'],
    ['missed', 'goal missed'],
    ['free', 'no goal'],
  ] as const;
  const boxes = entries.map(([name, text], index) => {
    const x = left + index * LEGEND_STEP;
    return `<rect class="${name}" x="${x}" y="52" width="12" height="12" rx="2"/><text class="small" x="${x + 17}" y="62">${text}</text>`;
  });
  const x = left + entries.length * LEGEND_STEP - 30;
  return `${boxes.join('\n')}
<line class="goal" x1="${x + 4}" x2="${x + 4}" y1="50" y2="66"/><text class="small" x="${x + 12}" y="62">goal</text>`;
}

/** Places of ratios: from the last tick below everything, which is at `left`, to the first above. */
function scale(rows: readonly Row[], left: number) {
  const all = [1, ...rows.flatMap(({ ratio, goal }) => [ratio, goal ?? ratio])].filter((value) => value > 0);
  const [lowest, highest] = [Math.min(...all), Math.max(...all)];
  const from = TICKS.findLast((tick) => tick < lowest) ?? (TICKS[0] as number);
  const to = TICKS.find((tick) => tick > highest) ?? (TICKS.at(-1) as number);
  const width = WIDTH - left - RIGHT;
  const share = (value: number) => Math.log(value / from) / Math.log(to / from);
  const position = (value: number) => left + width * Math.min(1, Math.max(0, share(value)));
  return { position, ticks: TICKS.filter((tick) => tick >= from && tick <= to) };
}

function gridline(tick: number, x: number, bottom: number): string {
  const place = x.toFixed(1);
  return `<line class="${tick === 1 ? 'even' : 'grid'}" x1="${place}" x2="${place}" y1="${TOP - 4}" y2="${bottom}"/><text class="small" text-anchor="middle" x="${place}" y="${TOP - 8}">${tick}×</text>`;
}

/** What is compared, and with whom unless with docker-registry. */
function labelOf({ title, against }: Row): string {
  return against.startsWith('docker-registry') ? title : `${title} · ${against}`;
}

interface Place {
  /** Where labels end and the scale begins. */
  readonly left: number;
  readonly top: number;
  readonly position: (value: number) => number;
}

function bar(row: Row, { left, top, position }: Place): string {
  const { ratio, goal } = row;
  const [even, end] = [position(1), position(ratio)];
  const [from, to] = [Math.min(even, end), Math.max(even, end)];
  const middle = top + LINE / 2;
  const barTop = middle - BAR / 2;
  const kind = goal === null ? 'free' : misses(row) ? 'missed' : 'good';
  const goalAt = goal === null ? 0 : position(goal);
  const goalEnds = `x1="${goalAt.toFixed(1)}" x2="${goalAt.toFixed(1)}" y1="${barTop - 2}" y2="${barTop + BAR + 2}"`;
  // Beyond both the bar and the mark.
  const textAt = Math.max(to, goalAt) + 7;
  return `<text x="${left - 10}" y="${middle + 4}" text-anchor="end">${escaped(labelOf(row))}</text>
<rect class="${kind}" x="${from.toFixed(1)}" y="${barTop}" width="${Math.max(1, to - from).toFixed(1)}" height="${BAR}" rx="2"/>
${goal === null ? '' : `<line class="halo" ${goalEnds}/><line class="goal" ${goalEnds}/>`}
<text x="${textAt.toFixed(1)}" y="${middle + 4}">${ratio.toLocaleString('en-US')}×</text>`;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
