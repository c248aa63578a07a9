import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Accounts, type ServiceAccount } from './gcs/accounts.ts';
import { Bucket, type BucketLimits } from './gcs/bucket.ts';
import { handleIdentity, type IdentityOptions } from './gcs/identity-server.ts';
import { handleJson } from './gcs/json-api.ts';
import { Refusal, refuseAsJson, refuseAsXml } from './gcs/refusal.ts';
import { isSigned, signerOf } from './gcs/signed-url.ts';
import { handleXml } from './gcs/xml-api.ts';

const BUCKET = 'registry-images';
const CLOUD_SCOPE = 'https://www.googleapis.com/auth/cloud-platform';

/** Cloud Storage and what gives a process its identity, as Google's documents describe them, in the memory of the test. */
export interface Gcs {
  /** Where the JSON API and the XML API are. */
  readonly url: string;
  /** Of the token endpoint (`/token`), of the IAM Credentials API, and of the metadata server. */
  readonly identityUrl: string;
  /** `host:port` for the variable GCE_METADATA_HOST. */
  readonly metadataHost: string;
  readonly bucket: Bucket;
  /** The account of the machine; it has a key as well. */
  readonly account: ServiceAccount;
  readonly accounts: Accounts;
  readonly identity: IdentityOptions;
  /** Is told of every request to the storage, which is handled when it returns. */
  onRequest: ((request: IncomingMessage) => unknown) | undefined;
  /** The key file of the account, as a configuration holds it. */
  keyFile(): Record<string, string>;
  stop(): Promise<void>;
}

/** @param limits of the bucket `registry-images` @default - those of the documents, without the limit of writes */
export async function startGcs(limits: Partial<BucketLimits> = {}): Promise<Gcs> {
  const bucket = new Bucket(BUCKET, {
    pageSize: 1000,
    bytesPerRewrite: 1024 ** 3,
    oneWritePerSecond: false,
    ...limits,
  });
  const accounts = new Accounts();
  const account = accounts.create('registry@project.iam.gserviceaccount.com');
  const identity: IdentityOptions = {
    accounts,
    machine: { account, scopes: [CLOUD_SCOPE] },
    credentialsApiEnabled: true,
    requests: [],
  };
  const storage = await listen((request, response) => {
    const handle = async () => {
      await gcs.onRequest?.(request);
      await handleStorage(request, response, bucket, accounts);
    };
    handle().catch(() => request.socket.destroy());
  });
  const identities = await listen((request, response) => {
    handleIdentity(request, response, identity).catch(() => request.socket.destroy());
  });
  const identityUrl = urlOf(identities);
  const gcs: Gcs = {
    url: urlOf(storage),
    identityUrl,
    metadataHost: new URL(identityUrl).host,
    bucket,
    account,
    accounts,
    identity,
    onRequest: undefined,
    keyFile: () => ({
      type: 'service_account',
      project_id: 'project',
      private_key_id: '0123456789abcdef',
      private_key: account.key.privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
      client_email: account.email,
      client_id: '1234567890',
      auth_uri: 'https://accounts.google.com/o/oauth2/auth',
      token_uri: 'https://oauth2.googleapis.com/token',
      universe_domain: 'googleapis.com',
    }),
    stop: async () => {
      await Promise.all([storage, identities].map(close));
    },
  };
  return gcs;
}

/** https://cloud.google.com/storage/docs/request-endpoints */
async function handleStorage(
  request: IncomingMessage,
  response: ServerResponse,
  bucket: Bucket,
  accounts: Accounts,
): Promise<void> {
  const url = new URL(request.url as string, 'http://stand-in');
  const isJson = url.pathname.startsWith('/storage/v1/');
  try {
    const query = url.searchParams;
    const account = isSigned(query) ? signerOf(request, url, accounts) : accounts.bearer(request);
    if (isJson) {
      refuseOtherBucket(bucket, url.pathname.split('/')[4]);
      handleJson(request, response, url, bucket, account);
    } else {
      const { name, path } = resourceOf(request, url, bucket);
      refuseOtherBucket(bucket, name);
      await handleXml(request, response, query, bucket, path, account);
    }
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    // The body of a refused request is read to its end, so that the answer arrives.
    request.resume();
    if (isJson) refuseAsJson(response, error);
    else refuseAsXml(response, error);
  }
}

/** The bucket is in the host (`<bucket>.storage.googleapis.com`, or a CNAME of its name) or is the first part of the path. */
function resourceOf({ headers: { host = '' } }: IncomingMessage, { pathname }: URL, bucket: Bucket) {
  const [, ...parts] = pathname.split('/').map(decodeURIComponent);
  const hostname = host.replace(/:\d+$/, '');
  if (hostname === bucket.name || hostname.startsWith(`${bucket.name}.`)) {
    return { name: bucket.name, path: parts.join('/') };
  }
  return { name: parts[0], path: parts.slice(1).join('/') };
}

function refuseOtherBucket(bucket: Bucket, name: string | undefined): void {
  if (name !== bucket.name) {
    throw new Refusal(404, 'notFound', 'NoSuchBucket', 'The specified bucket does not exist.');
  }
}

async function listen(handler: RequestListener): Promise<Server> {
  const server = createServer(handler);
  // Longer than any test, so that no connection ends between two requests.
  server.keepAliveTimeout = 600_000;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

function urlOf(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function close(server: Server): Promise<void> {
  server.close();
  server.closeAllConnections();
  await once(server, 'close');
}
