import path from 'node:path';
import { BackgroundProcess } from './background-process.ts';
import { freePort } from './free-port.ts';
import { findTool } from './requirements.ts';
import { temporaryDirectory } from './temporary-directory.ts';

const SERVER = path.join(import.meta.dirname, 'swift', 'server.py');

export interface SwiftOptions {
  /** Changes to swift/proxy-server.conf by section: `{ 'filter:slo': { max_manifest_segments: '10' } }`. */
  readonly settings?: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/** A real OpenStack Swift, empty at first. It takes an S3 client's requests as well, and checks their signatures. */
export interface Swift {
  /** Such as http://127.0.0.1:41234. */
  readonly url: string;
  /** Where a user and a key give a token: https://docs.openstack.org/api-ref/object-store/#authentication */
  readonly authUrl: string;
  /** For an S3 client with path style and the region us-east-1; `user` is its access key, `key` its secret key. */
  readonly s3Endpoint: string;
  /** Owns the account. */
  readonly user: string;
  readonly key: string;
  /** May do in the account what the ACL of a container gives. */
  readonly guest: { readonly user: string; readonly key: string };
  stop(): Promise<void>;
}

/** Starts Swift on a free port of this machine, with its data in a temporary directory; tests that need it use `describeWith`. */
export async function startSwift({ settings = {} }: SwiftOptions = {}): Promise<Swift> {
  const directory = temporaryDirectory('swift');
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const changes = Object.entries(settings).flatMap(([section, values]) =>
    Object.entries(values).flatMap(([key, value]) => [section, key, value]),
  );
  const server = await BackgroundProcess.start(
    findTool('swift') as string,
    [SERVER, directory.path, String(port), ...changes],
    { isReady: async () => (await fetch(`${url}/healthcheck`)).ok },
  );
  return {
    url,
    authUrl: `${url}/auth/v1.0`,
    s3Endpoint: url,
    user: 'test:tester',
    key: 'testing',
    guest: { user: 'test:guest', key: 'guessing' },
    stop: async () => {
      await server.stop();
      directory.remove();
    },
  };
}
