import path from 'node:path';
import type { ConfigInput } from '../../../registry-image/src/config/schema.ts';

export const USER = 'bench';
export const SERVICE = 'container_registry';
const ISSUER = 'container-registry';

/** Files of the server under test that others use too: its signing key's certificate, and the certificate of its TLS. */
export function sharedFiles(directory: string) {
  const tls = path.join(directory, 'tls');
  return {
    index: path.join(directory, 'index.sqlite'),
    users: path.join(directory, 'htpasswd'),
    password: path.join(directory, 'password'),
    tokenKey: path.join(directory, 'token-key.pem'),
    tokenCertificate: path.join(directory, 'token-key.pem.crt'),
    tls,
    tlsCertificate: path.join(tls, 'server.crt'),
    tlsKey: path.join(tls, 'server.key'),
  };
}

/** What all registries are given alike: as in production, and as fast as they can be with it. */
export function commonSettings(storageDirectory: string, realm: string) {
  return {
    version: 0.1,
    log: { level: 'error', accesslog: { disabled: true } },
    storage: {
      filesystem: { rootdirectory: storageDirectory },
      delete: { enabled: true },
      cache: { blobdescriptor: 'inmemory' },
      // It would walk the storage at some moment of the run.
      maintenance: { uploadpurging: { enabled: false } },
    },
    auth: { token: { realm, service: SERVICE, issuer: ISSUER } },
  } as const satisfies ConfigInput;
}
