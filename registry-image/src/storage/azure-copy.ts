import { setTimeout as sleep } from 'node:timers/promises';
import type { AzureContainer } from './azure-container.ts';
import { AZURE_PERMISSIONS, isAzureError } from './azure-errors.ts';
import type { StorageKey } from './storage-driver.ts';

/** Pause before a copy that is going on is looked at, in milliseconds; each one after it is twice as long. */
const FIRST_PAUSE_MS = 100;
const MAX_PAUSE_MS = 2000;

/** How long a copy may copy nothing, in milliseconds. */
const STANDSTILL_LIMIT_MS = 5 * 60_000;

/**
 * Copies a blob inside the container without its bytes passing through here: Copy Blob, which inside one account needs no
 * signature of the source, whatever the credentials are, and is done at once for any size, as a rule. It promises neither: where it
 * goes on, it is waited for.
 * https://learn.microsoft.com/rest/api/storageservices/copy-blob
 */
export async function copyBlob(container: AzureContainer, from: StorageKey, to: StorageKey): Promise<void> {
  const source = container.blob(from).url;
  for (;;) {
    try {
      const copy = await container.replace(from, () => container.blob(to).beginCopyFromURL(source));
      if (!copy.isDone()) await finishCopy(container, to);
      return;
    } catch (error) {
      // A copy of another process, or ours, whose answer was lost. It replaces what is there, as this one will.
      if (!isAzureError(error, 'PendingCopyOperation')) throw error;
      await finishCopy(container, to);
    }
  }
}

/** Waits for the end of a copy. One that fails leaves an empty blob, which is removed. */
async function finishCopy(container: AzureContainer, to: StorageKey): Promise<void> {
  const target = container.blob(to);
  let progress: string | undefined;
  let standstillSince = performance.now();
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(2 * pause, MAX_PAUSE_MS)) {
    await sleep(pause);
    const state = await container.call(AZURE_PERMISSIONS.read, to, () => target.getProperties());
    if (state.copyStatus === undefined || state.copyStatus === 'success') return;
    if (state.copyStatus !== 'pending') {
      await container.remove(to);
      throw new Error(`Azure could not copy it: ${state.copyStatus}, ${state.copyStatusDescription}`);
    }
    if (state.copyProgress !== progress) standstillSince = performance.now();
    progress = state.copyProgress;
    if (performance.now() - standstillSince > STANDSTILL_LIMIT_MS) {
      await container.call(AZURE_PERMISSIONS.write, to, () => target.abortCopyFromURL(state.copyId as string));
      await container.remove(to);
      throw new Error(`Azure copies it no further than ${progress} bytes for ${STANDSTILL_LIMIT_MS / 60_000} minutes`);
    }
  }
}
