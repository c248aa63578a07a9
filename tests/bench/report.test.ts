import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import type { BenchCase } from '../../scripts/bench/cases.ts';
import { chart } from '../../scripts/bench/report/chart.ts';
import { withResults } from '../../scripts/bench/report/page.ts';
import { type Results, type Row, rowsOf } from '../../scripts/bench/report/results.ts';
import { summary, table } from '../../scripts/bench/report/table.ts';
import { writeReport } from '../../scripts/bench/report/write.ts';
import type { MeasuredSample } from '../../scripts/bench/run.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const unmeasured = () => Promise.reject(new Error('not measured here'));

function benchCase(more: Partial<BenchCase> = {}): BenchCase {
  return {
    name: 'blob-get',
    title: 'blob GET',
    arrangement: 'plain',
    measure: { unit: 'requests/s', better: 'more', cpu: 'µs/request', run: unmeasured },
    goals: { 'docker-registry': 4 },
    ...more,
  };
}

function rows(of: BenchCase, samples: Record<string, MeasuredSample[]>, goal: number | null = 4): readonly Row[] {
  return rowsOf({ benchCase: of, samples: new Map(Object.entries(samples)) }, 'ours', () => goal);
}

const SAMPLES = {
  ours: [
    { value: 900, cpu: 50 },
    { value: 1000, cpu: 60 },
    { value: 5000, cpu: 40 },
  ],
  'docker-registry 2.8': [
    { value: 200, cpu: 600 },
    { value: 190, cpu: 500 },
    { value: 10, cpu: 450 },
  ],
};

const [ROW] = rows(benchCase(), SAMPLES) as [Row];

function results(more: Partial<Results> = {}): Results {
  return {
    date: '2026-01-02T03:04:05.000Z',
    seconds: 100,
    machine: { cores: 2, cpu: 'a <fast> one', memoryGiB: 8, kernel: '6.1', loadAtStart: 0.1 },
    node: '24.0.0',
    server: 'bundled',
    peers: ['docker-registry 2.8', 'nginx'],
    rounds: { usual: 5, long: 3 },
    quick: false,
    notRun: [],
    rows: [ROW],
    ...more,
  };
}

describe('a row', () => {
  test('compares medians, of speed and of processor time', () => {
    expect(ROW).toEqual({
      case: 'blob-get',
      title: 'blob GET',
      against: 'docker-registry 2.8',
      ours: 1000,
      peer: 190,
      unit: 'requests/s',
      ratio: 5.26,
      goal: 4,
      oursRange: [900, 5000],
      peerRange: [10, 200],
      cpu: { ours: 50, peer: 500, unit: 'µs/request', ratio: 10 },
    });
  });

  test('has a larger ratio the less we take, where less is better', () => {
    const measure = { unit: 's', better: 'less', run: unmeasured } as const;
    const [row] = rows(benchCase({ measure }), { ours: [{ value: 2 }], peer: [{ value: 8 }] });
    expect(row).toMatchObject({ ours: 2, peer: 8, ratio: 4, cpu: null });
  });

  test('has a name of its own when a case is compared with several', () => {
    const samples = { ours: [{ value: 1 }], 'docker-registry 2.8': [{ value: 1 }], 'registry 3.0 (2)': [{ value: 1 }] };
    expect(rows(benchCase(), samples).map((row) => row.case)).toEqual(['blob-get', 'blob-get-against-registry-3.0-2']);
  });

  test('of a bound has the bound for a peer, and 1 for a goal', () => {
    const measure = { alone: true, unit: 'MB', better: 'less', run: unmeasured } as const;
    const bounded = benchCase({ measure, bound: 200, goals: { 'docker-registry': null } });
    const [compared, bound] = rows(bounded, { ours: [{ value: 100 }], peer: [{ value: 20 }] }, null);
    expect(compared).toMatchObject({ against: 'peer', ratio: 0.2, goal: null });
    expect(bound).toMatchObject({ case: 'blob-get-bound', against: 'bound', ours: 100, peer: 200, ratio: 2, goal: 1 });
  });
});

describe('the table', () => {
  test('shows a row', () => {
    expect(table([ROW]).split('\n').at(-1)).toBe(
      '| blob GET | docker-registry 2.8 | 1,000 | 190 | requests/s | 5.26× | 4× | 50 | 500 | µs/request |',
    );
  });

  test('has a goal that is missed in bold', () => {
    expect(table([{ ...ROW, ratio: 3.99 }])).toContain('| **3.99×** | 4× |');
  });

  test('comes with what was measured on what, and what was not', () => {
    const text = summary(results({ quick: true, notRun: ['nginx-blob: no nginx'], rows: [ROW, { ...ROW, ratio: 1 }] }));
    expect(text).toContain('2 cores of a <fast> one');
    expect(text).toContain('Goals reached: 1 of 2');
    expect(text).toContain('a quick run');
    expect(text).toContain('- nginx-blob: no nginx');
  });

  test('says when the machine was busy', () => {
    expect(summary(results())).not.toContain('busy');
    const machine = { ...results().machine, loadAtStart: 3 };
    expect(summary(results({ machine }))).toContain('the machine was busy');
  });
});

describe('the page', () => {
  test('keeps everything outside of the markers', () => {
    const first = withResults(undefined, 'old');
    const page = `before\n${first}after\n`;
    const written = withResults(page, 'new');
    expect(written).toBe(page.replace('old', 'new'));
    expect(withResults(written, 'new')).toBe(written);
  });

  test('without markers is refused, and the error says which', () => {
    expect(() => withResults('# Performance\n', 'new')).toThrow(/<!-- results.*-->\n<!-- end.*-->/);
  });

  test('of this repository has the markers', () => {
    const page = readFileSync(path.resolve(import.meta.dirname, '../../docs/performance/README.md'), 'utf8');
    expect(withResults(page, 'new')).toContain('\n\nnew\n\n');
  });

  test('is written beside chart and data, with rows that say who is how much better', () => {
    const directory = temporaryDirectory('bench-report');
    try {
      writeFileSync(
        path.join(directory.path, 'README.md'),
        withResults('# Mine\n'.concat(withResults(undefined, 'x')), 'y'),
      );
      const files = writeReport(directory.path, results());
      expect(files.map((file) => path.basename(file))).toEqual(['README.md', 'chart.svg', 'results.json']);
      const [page, picture, data] = files.map((file) => readFileSync(file, 'utf8')) as [string, string, string];
      expect(page).toMatch(/^# Mine\n.*!\[.*\]\(chart.svg\).*\| blob GET \|/s);
      expect(picture).toMatch(/^<svg /);
      expect(JSON.parse(data).rows).toEqual([ROW]);
    } finally {
      directory.remove();
    }
  });
});

describe('the chart', () => {
  interface Bar {
    readonly kind: string;
    readonly from: number;
    readonly to: number;
  }
  const bars = (svg: string): Bar[] =>
    [...svg.matchAll(/<rect class="(good|missed|free)" x="([\d.]+)" y="[\d.]+" width="([\d.]+)" height="14"/g)].map(
      ([, kind = '', x, width]) => ({ kind, from: Number(x), to: Number(x) + Number(width) }),
    );
  const goals = (svg: string) =>
    [...svg.matchAll(/<line class="goal" x1="([\d.]+)" x2="\1"/g)].map(([, x]) => Number(x));
  const draw = (...ratios: [number, number | null][]) =>
    chart(
      ratios.map(([ratio, goal]) => ({ ...ROW, ratio, goal })),
      'a caption',
    );

  test('has a bar for each row, coloured by its goal', () => {
    expect(bars(draw([5, 4], [3, 4], [3, null])).map(({ kind }) => kind)).toEqual(['good', 'missed', 'free']);
  });

  test('puts the mark of a goal where a bar of that ratio ends', () => {
    const svg = draw([4, null], [2, 4]);
    expect(goals(svg).at(-1)).toBeCloseTo(bars(svg)[0]?.to ?? 0, 0);
  });

  test('draws what is worse to the left of 1, what is better to the right', () => {
    const [worse, better] = bars(draw([0.5, null], [2, null])) as [Bar, Bar];
    expect(worse.to).toBeCloseTo(better.from, 0);
    expect(better.to - better.from).toBeCloseTo(worse.to - worse.from, 0);
  });

  test('keeps the values within the drawing, however far off', () => {
    for (const { from, to } of bars(draw([0.0001, null], [100_000, 4]))) {
      expect(from).toBeGreaterThanOrEqual(0);
      expect(to).toBeLessThanOrEqual(1000);
    }
  });

  test('is for light and dark pages, and escapes what it is given', () => {
    const svg = chart([ROW], 'a <fast> machine & more');
    expect(svg).toContain('prefers-color-scheme: dark');
    expect(svg).toContain('a &lt;fast&gt; machine &amp; more');
  });
});
