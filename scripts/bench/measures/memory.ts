import { setTimeout as sleep } from 'node:timers/promises';
import type { Contestant, Running } from '../contestants/contestant.ts';
import { GIB, removeBlobs } from '../data-set.ts';
import { pull } from '../load/pull.ts';
import { push } from '../load/push.ts';
import type { ProcessTree } from '../process-tree.ts';
import { PUSH_REPOSITORY } from '../tokens.ts';
import { layerPath } from './get.ts';
import type { AloneMeasure, Context } from './measure.ts';

const MEGABYTE = 1e6;

/** How long after its first answer a server counts as idle. */
const IDLE_AFTER_MS = 2000;
const SAMPLE_INTERVAL_MS = 50;

/** Differences below are those of two looks at the same process. In megabytes. */
const LEAST = 1;

/** All processes of a server that has nothing to do: the sum of their proportional set sizes. */
export function idleMemory(): AloneMeasure {
  return {
    ...MEMORY,
    run: (contestant) => idling(contestant, async (_running, idle) => ({ value: idle })),
  };
}

/** How much more at the most while a layer of 1 GiB comes in. */
export function pushMemory(): AloneMeasure {
  return whileFlowing(async ({ url }, { tokens, dataSet }) => {
    const job = { url, token: tokens.push, repository: PUSH_REPOSITORY, count: 1, size: GIB, connections: 1 };
    removeBlobs(dataSet.directory, (await push(job)).digests);
  });
}

/** How much more at the most while a GiB or more goes out. */
export function pullMemory(): AloneMeasure {
  return whileFlowing(async ({ url }, { tokens, dataSet }) => {
    for (let bytes = 0; bytes < GIB; ) {
      const load = { url: `${url}${layerPath('512mib')(dataSet)}`, token: tokens.image, connections: 1, seconds: 1 };
      bytes += (await pull(load)).bytes;
    }
  });
}

const MEMORY = { alone: true, unit: 'MB', better: 'less', long: true } as const;

function whileFlowing(flow: (running: Running, context: Context) => Promise<void>): AloneMeasure {
  return {
    ...MEMORY,
    run: (contestant, context) =>
      idling(contestant, async (running, idle) => {
        const peak = await peakMemory(running.tree, flow(running, context));
        return { value: Math.max(LEAST, peak - idle) };
      }),
  };
}

async function idling<Result>(
  contestant: Contestant,
  measure: (running: Running, idle: number) => Promise<Result>,
): Promise<Result> {
  const running = await contestant.start();
  try {
    await sleep(IDLE_AFTER_MS);
    return await measure(running, megabytes(running.tree));
  } finally {
    await running.stop();
  }
}

async function peakMemory(tree: ProcessTree, work: Promise<void>): Promise<number> {
  let peak = 0;
  const sampling = setInterval(() => {
    peak = Math.max(peak, megabytes(tree));
  }, SAMPLE_INTERVAL_MS);
  try {
    await work;
  } finally {
    clearInterval(sampling);
  }
  return peak;
}

function megabytes(tree: ProcessTree): number {
  return tree.memory().pss / MEGABYTE;
}
