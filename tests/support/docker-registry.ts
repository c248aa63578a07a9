import { writeFileSync } from 'node:fs';
import path from 'node:path';
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

/** Starts docker-registry without login over a storage directory; the caller stops it. */
export async function startDockerRegistry(storageDirectory: string): Promise<DockerRegistry> {
  const port = await freePort();
  const host = `127.0.0.1:${port}`;
  const directory = temporaryDirectory('docker-registry');
  const configFile = path.join(directory.path, 'config.yml');
  writeFileSync(
    configFile,
    `version: 0.1
log: { level: warn }
storage:
  filesystem: { rootdirectory: ${JSON.stringify(storageDirectory)} }
  delete: { enabled: true }
http: { addr: '${host}' }
`,
  );
  const client = new HttpClient(`http://${host}`);
  const running = await BackgroundProcess.start(findTool('docker-registry') as string, ['serve', configFile], {
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
