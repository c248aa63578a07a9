import { App } from 'cdktf';
import { findAwsSettings } from './aws-settings.ts';
import { LocalRegistryStack } from './local-registry-stack.ts';

const app = new App();
new LocalRegistryStack(app, 'local');

const awsSettings = findAwsSettings();
if (awsSettings !== undefined) {
  // Loaded only when there is something to deploy: `npm run up` needs neither the provider nor the image archive.
  const { AwsRegistryStack } = await import('./aws-registry-stack.ts');
  new AwsRegistryStack(app, 'aws', awsSettings);
}
app.synth();
