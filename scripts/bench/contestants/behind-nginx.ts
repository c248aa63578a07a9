import type { Contestant } from './contestant.ts';
import { freePort } from './free-port.ts';
import { startNginx } from './nginx.ts';
import { type ThisServerOptions, thisServer } from './this-server.ts';

export interface BehindNginxOptions extends Omit<ThisServerOptions, 'tls' | 'leavesBlobsToNginx'> {
  readonly nginx: string;
}

/** This server behind nginx, which sends the files of large blobs by itself (X-Accel-Redirect). */
export function behindNginx({ nginx, ...options }: BehindNginxOptions): Contestant {
  const { name, directory, storageDirectory } = options;
  return {
    name,
    start: async () => {
      const server = await thisServer({ ...options, leavesBlobsToNginx: true }).start();
      const address = `127.0.0.1:${await freePort()}`;
      const front = await startNginx({
        name: `nginx-before-${name}`,
        program: nginx,
        directory,
        url: `http://${address}`,
        upstream: new URL(server.url).host,
        server: [
          `listen ${address};`,
          'client_max_body_size 0;',
          'location / {',
          '  proxy_pass http://upstream;',
          '  proxy_http_version 1.1;',
          '  proxy_set_header Connection "";',
          '  proxy_set_header Host $http_host;',
          '  proxy_set_header X-Forwarded-For $remote_addr;',
          '  proxy_set_header X-Forwarded-Proto $scheme;',
          '  proxy_set_header X-Sendfile-Type X-Accel-Redirect;',
          '  proxy_request_buffering off;',
          '}',
          `location /_blobs/ { internal; alias ${storageDirectory}/; }`,
        ],
      }).catch(async (failure) => {
        await server.stop();
        throw failure;
      });
      return {
        url: front.url,
        tree: front.tree.with(server.tree),
        startMs: server.startMs + front.startMs,
        stop: async () => {
          await front.stop();
          await server.stop();
        },
      };
    },
  };
}
