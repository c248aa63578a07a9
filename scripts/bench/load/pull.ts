import path from 'node:path';
import { requireTool } from '../tools.ts';
import { printed } from './program.ts';
import type { GetLoad, Traffic } from './wrk.ts';

/** GETs of large bodies, which the kernel drops: wrk would be the slower end, with reads of 8 KiB. Plain HTTP alone. */
export async function pull({ url, token, connections, seconds }: GetLoad): Promise<Traffic> {
  const { hostname, port, pathname } = new URL(url);
  const script = path.join(import.meta.dirname, 'drop-bytes.py');
  const output = await printed(requireTool('python3'), [
    script,
    ...[String(connections), String(seconds), hostname, port, pathname, token],
  ]);
  const { failures, ...traffic } = JSON.parse(output) as Traffic & { readonly failures: readonly string[] };
  if (failures.length > 0) throw new Error(`GET ${url}: ${failures.join('; ')}`);
  return traffic;
}

/** curl's exit code when its time is over. */
const TIME_IS_OVER = 28;

/** GETs of large bodies over TLS with one curl for each connection, which decrypts and drops them. */
export async function pullTls({ url, token, connections, seconds }: GetLoad): Promise<Traffic> {
  const started = performance.now();
  const pulls = Array.from({ length: connections }, () => curlUntil(started + seconds * 1000, url, token));
  const counts = (await Promise.all(pulls)).flat();
  return {
    requests: counts.length,
    bytes: counts.reduce((sum, bytes) => sum + bytes, 0),
    seconds: (performance.now() - started) / 1000,
  };
}

/** One answer after the other until the deadline. @returns the bytes of each, of the last those until then */
async function curlUntil(deadline: number, url: string, token: string): Promise<number[]> {
  const counts: number[] = [];
  for (let left = deadline - performance.now(); left > 0; left = deadline - performance.now()) {
    const output = await printed(
      requireTool('curl'),
      [
        ...['--silent', '--show-error', '--fail', '--insecure', '--output', '/dev/null'],
        ...['--max-time', (left / 1000).toFixed(3), '--write-out', '%{size_download}'],
        ...['--header', `Authorization: Bearer ${token}`, url],
      ],
      { alsoFine: TIME_IS_OVER },
    );
    counts.push(Number(output));
  }
  return counts;
}
