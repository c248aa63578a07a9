import type { AloneMeasure } from './measure.ts';

/** From the start of the process to the first answer, on storage that is there and an index that is built. */
export function startUp(): AloneMeasure {
  return {
    alone: true,
    unit: 'ms',
    better: 'less',
    run: async (contestant) => {
      const running = await contestant.start();
      await running.stop();
      return { value: running.startMs };
    },
  };
}
