import path from 'node:path';
import { requireTool } from '../tools.ts';
import { ACCEPT } from './http-get.ts';
import { printed } from './program.ts';

export interface GetLoad {
  readonly url: string;
  readonly token: string;
  readonly connections: number;
  /** wrk and ab take whole seconds, and round up. */
  readonly seconds: number;
}

/** What a load tool has counted. */
export interface Traffic {
  readonly requests: number;
  readonly bytes: number;
  readonly seconds: number;
  /** Milliseconds that half of the requests took at most, and 99 of 100. */
  readonly p50?: number;
  readonly p99?: number;
}

/** The summary that wrk-summary.lua prints. */
interface Summary extends Required<Traffic> {
  readonly errors: Readonly<Record<string, number>>;
}

/** GETs as fast as the server answers, with wrk in one thread. @throws Error when any answer was not the right one */
export async function wrk({ url, token, connections, seconds }: GetLoad): Promise<Traffic> {
  const output = await printed(requireTool('wrk'), [
    ...[
      '--threads',
      '1',
      '--connections',
      String(connections),
      '--duration',
      `${Math.ceil(seconds)}s`,
      '--timeout',
      '30s',
    ],
    ...['--header', `Authorization: Bearer ${token}`, '--header', `Accept: ${ACCEPT}`],
    ...['--script', path.join(import.meta.dirname, 'wrk-summary.lua')],
    url,
  ]);
  const { errors, ...traffic } = JSON.parse(output.slice(output.indexOf('{"'))) as Summary;
  const failed = Object.entries(errors).filter(([, count]) => count > 0);
  if (failed.length > 0 || traffic.requests === 0) {
    throw new Error(`GET ${url}: ${traffic.requests} requests, errors: ${JSON.stringify(Object.fromEntries(failed))}`);
  }
  return traffic;
}
