import { storageSchema } from '../../../registry-image/src/config/storage-schema.ts';
import {
  type AzureOptions,
  type AzureOverrides,
  createAzureClient,
} from '../../../registry-image/src/storage/azure-client.ts';
import type { Azurite } from '../../support/azurite.ts';

/** The `azure` section of a configuration for the stand-in, as the server sees it: defaults are filled in. */
export function azureOptions(azurite: Azurite, settings: Record<string, unknown> = {}): AzureOptions {
  const { azure } = storageSchema.parse({
    azure: {
      accountname: azurite.account,
      accountkey: azurite.key,
      container: 'registry-images',
      serviceurl: azurite.endpoint,
      chunksize: 5 * 1024 ** 2,
      ...settings,
    },
  });
  return azure as AzureOptions;
}

export async function createContainer(options: AzureOptions, overrides?: AzureOverrides): Promise<void> {
  const { service, close } = await createAzureClient(options, overrides);
  await service.getContainerClient(options.container).create();
  close();
}
