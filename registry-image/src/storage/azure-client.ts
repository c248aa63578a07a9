import type { Agent } from 'node:http';
import type { TokenCredential } from '@azure/identity';
import { BlobServiceClient, newPipeline, StorageSharedKeyCredential } from '@azure/storage-blob';
import type { Config } from '../config/schema.ts';
import { AZURE_TIME_LIMITS, type AzureTimeLimits, createAzureAgent } from './azure-agent.ts';

export type AzureOptions = NonNullable<Config['storage']['azure']>;

/** Where the identities of a cloud get their tokens: https://learn.microsoft.com/entra/identity-platform/authentication-national-cloud */
const AUTHORITY_HOSTS: Readonly<Record<string, string>> = {
  'core.chinacloudapi.cn': 'https://login.chinacloudapi.cn',
  'core.usgovcloudapi.net': 'https://login.microsoftonline.us',
};

/** What the options do not have; for tests. */
export interface AzureOverrides {
  /** In place of the identity that the options choose. */
  readonly identity?: TokenCredential;
  /** Certificates to trust, in PEM. */
  readonly ca?: string;
  readonly limits?: AzureTimeLimits;
}

/** A client of an account, and what was made for it. */
export interface AzureClient {
  readonly service: BlobServiceClient;
  /** Left out where an identity is used, which has none. */
  readonly sharedKey: StorageSharedKeyCredential | undefined;
  readonly limits: AzureTimeLimits;
  /** Aborted by `close`. */
  readonly closed: AbortSignal;
  close(): void;
}

export async function createAzureClient(options: AzureOptions, overrides: AzureOverrides = {}): Promise<AzureClient> {
  const { accountname, accountkey, serviceurl } = options;
  const sharedKey =
    options.credentials.type === 'shared_key' && accountkey !== undefined
      ? new StorageSharedKeyCredential(accountname, accountkey)
      : undefined;
  const limits = overrides.limits ?? AZURE_TIME_LIMITS;
  const agent = createAzureAgent(new URL(serviceurl), limits, overrides.ca);
  // AzureRetries makes calls again.
  const pipeline = newPipeline(sharedKey ?? overrides.identity ?? (await createIdentity(options)), {
    retryOptions: { maxTries: 1 },
  });
  pipeline.factories.push(useAgent(agent));
  const closing = new AbortController();
  const close = () => {
    closing.abort();
    agent.destroy();
  };
  const service = new BlobServiceClient(serviceurl, pipeline);
  return { service, sharedKey, limits, closed: closing.signal, close };
}

/** Who the server is at Microsoft Entra ID. The library is loaded only by those who have no key. */
export async function createIdentity({ realm, credentials }: AzureOptions): Promise<TokenCredential> {
  const { ClientSecretCredential, DefaultAzureCredential } = await import('@azure/identity');
  const authorityHost = process.env.AZURE_AUTHORITY_HOST ?? AUTHORITY_HOSTS[realm];
  const authority = authorityHost === undefined ? {} : { authorityHost };
  const { type, clientid, tenantid = '', secret = '' } = credentials;
  if (type === 'client_secret') return new ClientSecretCredential(tenantid, clientid ?? '', secret, authority);
  return new DefaultAzureCredential({
    ...authority,
    ...(clientid !== undefined && { managedIdentityClientId: clientid, workloadIdentityClientId: clientid }),
  });
}

/** The SDK makes agents of its own unless each request brings one; a proxy of the environment has brought its own by then. */
function useAgent(agent: Agent): Parameters<ReturnType<typeof newPipeline>['factories']['push']>[0] {
  return {
    create: (next) => ({
      sendRequest: (request) => {
        request.agent ??= agent;
        return next.sendRequest(request);
      },
    }),
  };
}
