import os from 'node:os';
import type { Machine } from './report/results.ts';

const GIBIBYTE = 2 ** 30;

export function thisMachine(): Machine {
  const cpus = os.cpus();
  return {
    cores: cpus.length,
    cpu: cpus[0]?.model.trim() ?? 'an unknown processor',
    memoryGiB: Math.round(os.totalmem() / GIBIBYTE),
    kernel: os.release(),
    loadAtStart: Number((os.loadavg()[0] as number).toFixed(2)),
  };
}
