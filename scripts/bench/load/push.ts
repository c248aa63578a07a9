import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { PushJob } from './push-client.ts';

export interface Push {
  readonly digests: readonly string[];
  readonly seconds: number;
  /** Of each push. */
  readonly milliseconds: readonly number[];
}

/**
 * Pushes blobs that no registry has seen.
 *
 * @param ready called when the bytes and their digests are there, before the first request
 * @throws Error when a push fails, with the answer
 */
export async function push(job: PushJob, ready: () => Promise<void> = async () => {}): Promise<Push> {
  const client = spawn(process.execPath, [path.join(import.meta.dirname, 'push-client.ts'), JSON.stringify(job)], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const ended = once(client, 'close') as Promise<[number | null]>;
  const errors: Buffer[] = [];
  client.stderr.on('data', (chunk: Buffer) => errors.push(chunk));
  const printed: Partial<Push>[] = [];
  for await (const line of createInterface({ input: client.stdout })) {
    printed.push(JSON.parse(line));
    if (printed.length > 1) continue;
    await ready();
    client.stdin.end('go\n');
  }
  const [code] = await ended;
  if (code !== 0) throw new Error(`pushing to ${job.url}/${job.repository} failed:\n${Buffer.concat(errors)}`);
  return Object.assign({}, ...printed) as Push;
}
