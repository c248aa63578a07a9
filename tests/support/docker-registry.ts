import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { stringify } from 'yaml';
import { BackgroundProcess } from './background-process.ts';
import { freePort } from './free-port.ts';
import { HttpClient } from './http-client.ts';
import { findTool } from './requirements.ts';
import { temporaryDirectory } from './temporary-directory.ts';

/** Debian's docker-registry: CNCF distribution 2.8, the peer that serves the same directory. */
export interface DockerRegistry {
  readonly url: string;
  /** `host:port`, as container clients write it. */
  readonly host: string;
  readonly log: string;
  stop(): Promise<void>;
}

/**
 * Starts docker-registry without login; the caller stops it.
 *
 * @param storage a directory, or the section of another driver: `{ swift: { … } }`
 */
export async function startDockerRegistry(
  storage: string | Readonly<Record<string, unknown>>,
): Promise<DockerRegistry> {
  const port = await freePort();
  const host = `127.0.0.1:${port}`;
  const directory = temporaryDirectory('docker-registry');
  const configFile = path.join(directory.path, 'config.yml');
  const driver = typeof storage === 'string' ? { filesystem: { rootdirectory: storage } } : storage;
  writeFileSync(
    configFile,
    stringify({
      version: 0.1,
      log: { level: 'warn' },
      storage: { ...driver, delete: { enabled: true } },
      http: { addr: host },
    }),
  );
  const client = new HttpClient(`http://${host}`);
  const running = await BackgroundProcess.start(findTool('docker-registry') as string, ['serve', configFile], {
    // Its driver for S3 does not start where the machine names a CA bundle for AWS.
    env: { AWS_CA_BUNDLE: '' },
    isReady: async () => (await client.request('GET', '/v2/')).status === 200,
  });
  client.close();
  return {
    url: `http://${host}`,
    host,
    get log() {
      return running.log;
    },
    stop: async () => {
      await running.stop();
      directory.remove();
    },
  };
}
