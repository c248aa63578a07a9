import { GIB, MIB, removeBlobs } from '../data-set.ts';
import { printed } from '../load/program.ts';
import { push } from '../load/push.ts';
import { LocalImage } from '../load/skopeo.ts';
import { PUSH_REPOSITORY } from '../tokens.ts';
import type { Context, ServedMeasure } from './measure.ts';

/** What another server has not synced yet would be written on the time of this one. */
async function settle(): Promise<void> {
  await printed('sync', []);
}

async function pushed(url: string, { tokens, dataSet }: Context, count: number, size: number, connections: number) {
  const job = { url, token: tokens.push, repository: PUSH_REPOSITORY, count, size, connections };
  const done = await push(job, settle);
  removeBlobs(dataSet.directory, done.digests);
  return done;
}

export function smallPushes(connections: number): ServedMeasure {
  return {
    unit: 'pushes/s',
    better: 'more',
    cpu: 'ms/push',
    warm: async ({ url }, context) => {
      await pushed(url, context, context.scale.pushes / 2, MIB, connections);
    },
    run: async ({ url }, context) => {
      const { pushes } = context.scale;
      const { seconds } = await pushed(url, context, pushes, MIB, connections);
      return { value: pushes / seconds, work: pushes };
    },
  };
}

export function largePush(): ServedMeasure {
  return {
    unit: 'GiB/s',
    better: 'more',
    cpu: 's/GiB',
    long: true,
    warm: async ({ url }, context) => {
      await pushed(url, context, 1, 64 * MIB, 1);
    },
    run: async ({ url }, context) => {
      const { seconds } = await pushed(url, context, 1, GIB, 1);
      return { value: 1 / seconds, work: 1 };
    },
  };
}

const LAYERS = { count: 10, size: 50 * MIB };

export function skopeoCopy(): ServedMeasure {
  return {
    unit: 's',
    better: 'less',
    cpu: 's/GiB',
    long: true,
    run: async ({ url }, { tokens, dataSet, work }) => {
      const image = new LocalImage(work.file('image'), LAYERS);
      await settle();
      const seconds = await image.copyTo(url, PUSH_REPOSITORY, tokens.push);
      image.remove();
      removeBlobs(dataSet.directory, image.digests);
      return { value: seconds, work: (LAYERS.count * LAYERS.size) / GIB };
    },
  };
}
