import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { blobDataKey } from '../../../registry-image/src/storage/key-layout.ts';
import type { Contestant } from './contestant.ts';
import { freePort } from './free-port.ts';
import { sharedFiles } from './registry-settings.ts';
import { Server } from './server.ts';

export interface NginxOptions {
  readonly name: string;
  readonly program: string;
  /** Of this server, whose certificate it takes; has its configuration and log too. */
  readonly directory: string;
  readonly storageDirectory: string;
  /** Served by their path in the registry's API, without any check. */
  readonly blobs: readonly { readonly path: string; readonly digest: string }[];
  readonly tls?: boolean;
}

/** nginx serving the files of blobs: what the machine can do. */
export function nginx({ name, program, directory, storageDirectory, blobs, tls = false }: NginxOptions): Contestant {
  return {
    name,
    start: async () => {
      const address = `127.0.0.1:${await freePort()}`;
      const { tlsCertificate, tlsKey } = sharedFiles(directory);
      const locations = blobs.map(
        (blob) => `location = ${blob.path} { alias ${path.join(storageDirectory, blobDataKey(blob.digest))}; }`,
      );
      const server = [
        `listen ${address}${tls ? ' ssl' : ''};`,
        ...(tls ? [`ssl_certificate ${tlsCertificate};`, `ssl_certificate_key ${tlsKey};`] : []),
        'location / { return 404; }',
        ...locations,
      ];
      return startNginx({ name, program, directory, url: `${tls ? 'https' : 'http'}://${address}`, server });
    },
  };
}

/** Starts nginx with the lines of one `server` block. @param options.upstream host:port that `http://upstream` means */
export function startNginx(options: {
  readonly name: string;
  readonly program: string;
  readonly directory: string;
  readonly url: string;
  readonly upstream?: string;
  readonly server: readonly string[];
}): Promise<Server> {
  const prefix = path.join(options.directory, options.name);
  mkdirSync(prefix, { recursive: true });
  const configFile = path.join(prefix, 'nginx.conf');
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((kind) => `  ${kind}_temp_path ${kind};`);
  const lines = [
    'daemon off;',
    // Started by root, its workers would be another user, who may not read the files.
    ...(process.getuid?.() === 0 ? ['user root;'] : []),
    'worker_processes auto;',
    'pid nginx.pid;',
    'error_log stderr error;',
    'events { worker_connections 1024; }',
    'http {',
    '  access_log off;',
    '  sendfile on;',
    '  tcp_nopush on;',
    '  keepalive_requests 1000000;',
    ...temporary,
    ...(options.upstream === undefined ? [] : [`  upstream upstream { server ${options.upstream}; keepalive 32; }`]),
    '  server {',
    ...options.server.map((line) => `    ${line}`),
    '  }',
    '}',
    '',
  ];
  writeFileSync(configFile, lines.join('\n'));
  return Server.start({
    command: options.program,
    args: ['-p', prefix, '-e', 'stderr', '-c', configFile],
    url: options.url,
    logFile: path.join(prefix, 'nginx.log'),
  });
}
