import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ConfigInput } from '../../registry-image/src/config/schema.ts';
import { freePort } from '../bench/contestants/free-port.ts';

const PROGRAM = path.join(import.meta.dirname, 's3-stand-in.ts');
const POLL_INTERVAL_MS = 50;

export interface StandIn {
  readonly storage: ConfigInput['storage'];
  stop(): void;
}

/** Starts the stand-in for S3 as a process of its own, whose memory is not looked at. */
export async function startS3StandIn(directory: string): Promise<StandIn> {
  mkdirSync(directory, { recursive: true });
  const port = await freePort();
  const child = spawn(process.execPath, [PROGRAM, directory, String(port)], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  process.on('exit', () => child.kill('SIGKILL'));
  const endpoint = `http://127.0.0.1:${port}`;
  while (!(await answers(endpoint))) {
    if (child.exitCode !== null) throw new Error(`the stand-in for S3 has ended with ${child.exitCode}`);
    await sleep(POLL_INTERVAL_MS);
  }
  return {
    storage: {
      s3: { bucket: 'soak', region: 'us-east-1', regionendpoint: endpoint, accesskey: 'soak', secretkey: 'soak' },
      redirect: { disable: true },
    },
    stop: () => child.kill(),
  };
}

function answers(endpoint: string): Promise<boolean> {
  return fetch(`${endpoint}/soak`).then(
    ({ ok }) => ok,
    () => false,
  );
}
