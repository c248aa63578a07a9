import { requireTool } from '../tools.ts';
import { ACCEPT } from './http-get.ts';
import { printed } from './program.ts';
import type { GetLoad, Traffic } from './wrk.ts';

/** More than any server answers in the time, for ab stops at 50,000 else. */
const NO_LIMIT = 1_000_000;

/** HEADs as fast as the server answers, with ab: wrk waits for the body that an answer to HEAD does not have. */
export async function abHead({ url, token, connections, seconds }: GetLoad): Promise<Traffic> {
  const output = await printed(requireTool('ab'), [
    // -i: HEAD, -k: connections stay open, -r: goes on after an error, which is then counted
    ...['-q', '-i', '-k', '-r', '-s', '30', '-c', String(connections)],
    ...['-t', String(Math.ceil(seconds)), '-n', String(NO_LIMIT)],
    ...['-H', `Authorization: Bearer ${token}`, '-H', `Accept: ${ACCEPT}`, url],
  ]);
  const traffic = {
    requests: numberOf(output, /^Complete requests:\s+(\d+)/m),
    bytes: numberOf(output, /^Total transferred:\s+(\d+)/m),
    seconds: numberOf(output, /^Time taken for tests:\s+([\d.]+)/m),
  };
  const failed = numberOf(output, /^Failed requests:\s+(\d+)/m) + numberOf(output, /^Non-2xx responses:\s+(\d+)/m);
  if (failed > 0 || traffic.requests === 0) throw new Error(`${url}: ${failed} requests failed, says ab:\n${output}`);
  return traffic;
}

/** 0 where ab leaves a line out, as it does for what has not happened. */
function numberOf(output: string, pattern: RegExp): number {
  return Number(pattern.exec(output)?.[1] ?? 0);
}
