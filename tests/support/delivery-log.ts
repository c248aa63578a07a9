import { setTimeout as sleep } from 'node:timers/promises';
import type { RegistryProcess } from './registry-process.ts';

/** The line that a registry logs of a pull of a blob, which may come after the client has its answer. */
export async function deliveryLine(
  registry: Pick<RegistryProcess, 'log'>,
  pull: () => Promise<unknown>,
): Promise<Record<string, unknown>> {
  const lines = () => registry.log.split('\n').filter((line) => line.includes('"delivery":'));
  const before = lines().length;
  await pull();
  while (lines().length === before) await sleep(10);
  return JSON.parse(lines().at(-1) as string);
}
