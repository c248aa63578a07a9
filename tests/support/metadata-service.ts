import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** The instance metadata service of EC2, version 2 only: without a session token it answers 401. */
export interface MetadataService {
  readonly url: string;
  close(): void;
}

/** What the service answers for a role. */
export interface RoleCredentials {
  readonly AccessKeyId: string;
  readonly SecretAccessKey: string;
  readonly Token: string;
}

const TOKEN = 'session-token-of-the-metadata-service';

/** https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-metadata-security-credentials.html */
export async function startMetadataService(role: string, credentials: RoleCredentials): Promise<MetadataService> {
  const answers: Readonly<Record<string, string>> = {
    '/latest/meta-data/iam/security-credentials/': role,
    [`/latest/meta-data/iam/security-credentials/${role}`]: JSON.stringify(credentials),
  };
  const server = createServer((request, response) => {
    const { method, url = '', headers } = request;
    if (
      method === 'PUT' &&
      url === '/latest/api/token' &&
      headers['x-aws-ec2-metadata-token-ttl-seconds'] !== undefined
    ) {
      response.end(TOKEN);
    } else if (headers['x-aws-ec2-metadata-token'] !== TOKEN) {
      response.writeHead(401).end();
    } else {
      const answer = answers[url];
      response.writeHead(answer === undefined ? 404 : 200).end(answer);
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, close: () => server.close() };
}
