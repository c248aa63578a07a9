import { AzureDriver } from '../../../registry-image/src/storage/azure.ts';
import { describeWithAzurite, startAzurite } from '../../support/azurite.ts';
import { azureOptions, createContainer } from './azurite-container.ts';
import { describeDriver } from './driver-suite.ts';

describeWithAzurite('Azure', () => {
  describeDriver('azure', async () => {
    const azurite = await startAzurite();
    const options = azureOptions(azurite);
    await createContainer(options);
    return { driver: await AzureDriver.open(options), reopen: () => AzureDriver.open(options), stop: azurite.stop };
  });

  describeDriver(
    'azure, with a folder in the container and names as older registries of GitLab write them,',
    async () => {
      const azurite = await startAzurite();
      const options = azureOptions(azurite, { rootdirectory: '/some/folder/', legacyrootprefix: true });
      await createContainer(options);
      return { driver: await AzureDriver.open(options), reopen: () => AzureDriver.open(options), stop: azurite.stop };
    },
  );
});
