import { pullTls } from './load/pull.ts';
import { wrk } from './load/wrk.ts';
import { catalogWalk } from './measures/catalog.ts';
import { largeBlobGet, manifestGet, manifestHead, smallBlobGet, tagsPage } from './measures/get.ts';
import type { AloneMeasure, ServedMeasure } from './measures/measure.ts';
import { idleMemory, pullMemory, pushMemory } from './measures/memory.ts';
import { largePush, skopeoCopy, smallPushes } from './measures/push.ts';
import { startUp } from './measures/start.ts';

/** The servers that a case is measured on: which of ours, and how the others are set up beside it. */
export type ArrangementName = 'plain' | 'behind-nginx' | 'tls';

/** What is compared with: registries of distribution, nginx serving the same file, or a fixed bound in the unit of the case. */
export type OpponentName = 'docker-registry' | 'nginx';

export interface BenchCase {
  /** For `--only`, and in results.json. */
  readonly name: string;
  readonly title: string;
  readonly arrangement: ArrangementName;
  readonly measure: ServedMeasure | AloneMeasure;
  /** Ratio to reach against each opponent; `null`: compared without a goal. */
  readonly goals: Readonly<Partial<Record<OpponentName, number | null>>>;
  /** In the unit of the case, where a program on V8 cannot win. */
  readonly bound?: number;
}

const CONNECTIONS = [1, 8] as const;

function connections(count: number): string {
  return count === 1 ? '1 connection' : `${count} connections`;
}

const manifests: BenchCase[] = (['get', 'head'] as const).flatMap((method) =>
  (['tag', 'digest'] as const).flatMap((by) =>
    [16, 64].map((count) => ({
      name: `manifest-${method}-${by}-${count}`,
      title: `manifest ${method.toUpperCase()} by ${by}, ${count} connections`,
      arrangement: 'plain' as const,
      measure: method === 'get' ? manifestGet(by, count) : manifestHead(by, count),
      goals: { 'docker-registry': 8 },
    })),
  ),
);

const smallBlobs: BenchCase[] = CONNECTIONS.map((count) => ({
  name: `blob-get-1kib-${count}`,
  title: `blob GET of 1 KiB, ${connections(count)}`,
  arrangement: 'plain',
  measure: smallBlobGet('1kib', count),
  goals: { 'docker-registry': 15 },
}));

const largeBlobs: BenchCase[] = (
  [
    ['1mib', '1 MiB', 4],
    ['512mib', '512 MiB', 1.2],
  ] as const
).flatMap(([layer, size, goal]) =>
  CONNECTIONS.map((count) => ({
    name: `blob-get-${layer}-${count}`,
    title: `blob GET of ${size}, ${connections(count)}`,
    arrangement: 'plain' as const,
    measure: largeBlobGet(layer, count),
    goals: { 'docker-registry': goal },
  })),
);

const largeBlobsBehindNginx: BenchCase[] = CONNECTIONS.map((count) => ({
  name: `nginx-blob-get-512mib-${count}`,
  title: `behind nginx: blob GET of 512 MiB, ${connections(count)}`,
  arrangement: 'behind-nginx',
  measure: largeBlobGet('512mib', count),
  goals: { 'docker-registry': 3, nginx: 0.9 },
}));

const pushes: BenchCase[] = [
  {
    name: 'push-1mib-8',
    title: 'pushes of 1 MiB, 8 connections',
    arrangement: 'plain',
    measure: smallPushes(8),
    goals: { 'docker-registry': 1.5 },
  },
  {
    name: 'push-1gib',
    title: 'push of one layer of 1 GiB',
    arrangement: 'plain',
    measure: largePush(),
    goals: { 'docker-registry': 1 },
  },
  {
    name: 'skopeo-copy',
    title: 'skopeo copy of ten layers of 50 MiB',
    arrangement: 'plain',
    measure: skopeoCopy(),
    goals: { 'docker-registry': 1 },
  },
];

const lists: BenchCase[] = [
  {
    name: 'tags-page',
    title: 'page of 100 of 10,000 tags, 4 connections',
    arrangement: 'plain',
    measure: tagsPage(4),
    goals: { 'docker-registry': 20 },
  },
  {
    name: 'catalog',
    title: 'catalog of 5,000 repositories, pages of 1000',
    arrangement: 'plain',
    measure: catalogWalk(1000),
    goals: { 'docker-registry': 10 },
  },
];

const overTls: BenchCase[] = [
  {
    name: 'tls-manifest-get-tag-64',
    title: 'TLS: manifest GET by tag, 64 connections',
    arrangement: 'tls',
    measure: manifestGet('tag', 64),
    goals: { 'docker-registry': null },
  },
  {
    name: 'tls-blob-get-1kib-8',
    title: 'TLS: blob GET of 1 KiB, 8 connections',
    arrangement: 'tls',
    measure: smallBlobGet('1kib', 8),
    goals: { 'docker-registry': null },
  },
  {
    name: 'tls-blob-get-1mib-8',
    title: 'TLS: blob GET of 1 MiB, 8 connections',
    arrangement: 'tls',
    measure: largeBlobGet('1mib', 8, wrk),
    goals: { 'docker-registry': null },
  },
  ...CONNECTIONS.map(
    (count): BenchCase => ({
      name: `tls-blob-get-512mib-${count}`,
      title: `TLS: blob GET of 512 MiB, ${connections(count)}`,
      arrangement: 'tls',
      measure: largeBlobGet('512mib', count, pullTls),
      goals: { 'docker-registry': null, nginx: 1 },
    }),
  ),
  {
    name: 'tls-push-1mib-8',
    title: 'TLS: pushes of 1 MiB, 8 connections',
    arrangement: 'tls',
    measure: smallPushes(8),
    goals: { 'docker-registry': null },
  },
];

const alone: BenchCase[] = [
  { name: 'start-up', title: 'start to the first answer', measure: startUp(), bound: 400 },
  { name: 'memory-idle', title: 'memory, idle', measure: idleMemory(), bound: 200 },
  { name: 'memory-push-1gib', title: 'more memory while 1 GiB comes in', measure: pushMemory(), bound: 200 },
  { name: 'memory-pull-1gib', title: 'more memory while 1 GiB goes out', measure: pullMemory(), bound: 200 },
].map((each) => ({ ...each, arrangement: 'plain', goals: { 'docker-registry': null } }));

/** Every case, in the order of the table. */
export const CASES: readonly BenchCase[] = [
  ...manifests,
  ...smallBlobs,
  ...largeBlobs,
  ...largeBlobsBehindNginx,
  ...pushes,
  ...lists,
  ...overTls,
  ...alone,
];
