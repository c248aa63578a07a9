import path from 'node:path';
import { BackgroundProcess } from './background-process.ts';
import { freePort } from './free-port.ts';

export interface MotoOptions {
  /** Environment of the server, such as INITIAL_NO_AUTH_ACTION_COUNT (https://docs.getmoto.org/en/latest/docs/iam.html). */
  readonly env?: Readonly<Record<string, string>>;
}

/** Environment of a mock that does some things as S3 does them which it otherwise gets wrong; the file there says which. */
export const MOTO_AS_S3 = { PYTHONPATH: path.resolve(import.meta.dirname, 'moto') } as const;

/** A mock of the AWS APIs. It takes any credentials, and is empty at first. */
export interface Moto {
  /** Such as http://127.0.0.1:41234, for every service. */
  readonly endpoint: string;
  stop(): Promise<void>;
}

/** Starts `moto_server` on a free port of this machine and waits until it serves; tests that need it use `describeWith`. */
export async function startMoto(options: MotoOptions = {}): Promise<Moto> {
  const port = await freePort();
  const endpoint = `http://127.0.0.1:${port}`;
  const server = await BackgroundProcess.start('moto_server', ['-H', '127.0.0.1', '-p', String(port)], {
    ...options,
    isReady: async () => (await fetch(`${endpoint}/moto-api/`)).ok,
  });
  return {
    endpoint,
    stop: async () => {
      await server.stop();
    },
  };
}
