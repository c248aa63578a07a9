import { AzureDriver } from '../../../registry-image/src/storage/azure.ts';
import { describeWithAzurite, startAzurite } from '../../support/azurite.ts';
import { azureOptions, createContainer } from './azurite-container.ts';
import { describeFaults } from './fault-suite.ts';

/** A store that is quick, or fails. */
const LIMITS = { connectMs: 700, idleMs: 700 };

/** Less than the schema allows: Azure takes blocks of any size. */
const PART_BYTES = 256 * 1024;

describeWithAzurite('Azure that fails', () => {
  describeFaults('azure', async () => {
    const azurite = await startAzurite();
    await createContainer(azureOptions(azurite));
    return {
      target: new URL(azurite.endpoint).origin,
      partBytes: PART_BYTES,
      secrets: [azurite.key, 'sig=', 'SharedKey'],
      open: (endpoint) => {
        const settings = { serviceurl: `${endpoint}/${azurite.account}`, retry_delay: '10ms' };
        const options = { ...azureOptions(azurite, settings), chunksize: PART_BYTES };
        return AzureDriver.open(options, { limits: LIMITS });
      },
      stop: azurite.stop,
    };
  });
});
