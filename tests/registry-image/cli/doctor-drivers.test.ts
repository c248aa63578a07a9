import { afterEach, expect, test } from '@jest/globals';
import type { Check } from '../../../registry-image/src/cli/doctor-check.ts';
import { startGcsRegistry } from '../../support/gcs-registry.ts';
import { MAIN, type RegistryProcess } from '../../support/registry-process.ts';
import { describeWith } from '../../support/requirements.ts';
import { tryCommand } from '../../support/run-command.ts';
import { startSwiftRegistry } from '../../support/swift-registry.ts';

let stop: (() => Promise<void>) | undefined;
afterEach(() => stop?.());

const REDIRECT_OFF = 'redirect skipped: storage.redirect.disable is set: all bytes pass through the registry';

/** What the doctor finds wrong, or cannot look at, beside a running server. */
async function findingsOf(registry: RegistryProcess, env: Record<string, string> = {}): Promise<string[]> {
  const words = [MAIN, 'doctor', 'storage', '--json', registry.configFile];
  const { stdout } = await tryCommand(process.execPath, words, { env });
  const { checks } = JSON.parse(stdout) as { checks: readonly Check[] };
  return checks
    .filter(({ verdict }) => verdict !== 'ok')
    .map(({ action, verdict, message }) => `${action} ${verdict}: ${message}`);
}

test('registry doctor storage finds nothing wrong in a bucket of Google Cloud', async () => {
  const google = await startGcsRegistry({ redirect: false });
  stop = google.stop;
  expect(await findingsOf(google.registry, { GCE_METADATA_HOST: google.gcs.metadataHost })).toEqual([REDIRECT_OFF]);
});

describeWith(['swift'], 'registry doctor storage, of a container in Swift', () => {
  test('finds nothing wrong, signed URLs included', async () => {
    const swift = await startSwiftRegistry({ redirect: true, settings: { secretkey: 'a-key-for-signed-urls' } });
    stop = swift.stop;
    expect(await findingsOf(swift.registry)).toEqual([]);
  });
});
