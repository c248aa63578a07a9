import { BlobServiceClient, StorageSharedKeyCredential } from '@azure/storage-blob';
import { startAzurite } from './azurite.ts';
import { type RegistryProcess, startRegistry } from './registry-process.ts';

const CONTAINER = 'registry';

export interface AzuriteRegistryOptions {
  /** Whether clients are sent to Azurite. */
  readonly redirect: boolean;
  /** Further options of the driver. */
  readonly settings?: Readonly<Record<string, unknown>>;
}

export interface AzuriteRegistry {
  readonly registry: RegistryProcess;
  /** URL of the account's blobs. */
  readonly endpoint: string;
  stop(): Promise<void>;
}

/** A registry whose objects are in a container of Azurite; tests that need it use `describeWithAzurite`. */
export async function startAzuriteRegistry(options: AzuriteRegistryOptions): Promise<AzuriteRegistry> {
  const azurite = await startAzurite();
  const { account, key, endpoint } = azurite;
  const service = new BlobServiceClient(endpoint, new StorageSharedKeyCredential(account, key));
  await service.getContainerClient(CONTAINER).create();
  const registry = await startRegistry({
    config: {
      storage: {
        azure: {
          accountname: account,
          accountkey: key,
          container: CONTAINER,
          serviceurl: endpoint,
          ...options.settings,
        },
        delete: { enabled: true },
        redirect: { disable: !options.redirect },
      },
    },
  });
  return {
    registry,
    endpoint,
    stop: async () => {
      await registry.stop();
      await azurite.stop();
    },
  };
}
