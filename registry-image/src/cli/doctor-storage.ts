import type { Config } from '../config/schema.ts';
import { directorySteps } from '../storage/filesystem-preflight.ts';
import { openStorageDriver } from '../storage/open-driver.ts';
import type { StorageDriver } from '../storage/storage-driver.ts';
import { StorageProbe } from '../storage/storage-probe.ts';
import { type Check, check, skipped } from './doctor-check.ts';
import { DoctorReport } from './doctor-report.ts';

type StorageConfig = Config['storage'];

/**
 * Opens the configured storage and tries everything that the server does with it. What fails does not keep the rest from being
 * tried, and nothing is left behind, also when it is interrupted.
 *
 * @returns the exit code
 */
export async function doctorStorage({ storage }: Config, options: { readonly json: boolean }): Promise<number> {
  const { kind, resource } = placeOf(storage);
  const report = new DoctorReport({ topic: 'storage', kind, resource, identity: identity() }, options);
  const stop = interruption();
  let driver: StorageDriver | undefined;
  const opening = await check({ action: 'open', permissions: [], resource }, async () => {
    driver = await openStorageDriver(storage);
    return {};
  });
  report.add({ ...opening, permissions: driver?.permissions?.open ?? [], resource: driver?.resource ?? resource });
  if (storage.filesystem !== undefined) {
    for (const { action, run } of directorySteps(storage.filesystem.rootdirectory)) {
      report.add(await check({ action, permissions: [], resource }, run, stop));
    }
  }
  for await (const one of driver === undefined ? unopened(resource) : probed(driver, storage, stop)) report.add(one);
  await driver?.close();
  return report.end({ interrupted: stop.aborted });
}

async function* probed(driver: StorageDriver, storage: StorageConfig, stop: AbortSignal): AsyncGenerator<Check> {
  const { disable, expirydelay } = storage.redirect;
  const probe = new StorageProbe(driver, {
    ...(disable && { redirectOff: 'storage.redirect.disable is set: all bytes pass through the registry' }),
    redirectExpiry: expirydelay,
    hasPublicEndpoint: hasPublicEndpoint(storage),
  });
  const root = (driver.resource ?? driver.name).replace(/\/?$/, '/');
  for (const { action, operation, object, run } of StorageProbe.steps) {
    const permissions = driver.permissions?.[operation] ?? [];
    const subject = { action, permissions, resource: `${root}${probe.prefix}${object}` };
    yield await check(subject, () => run(probe), action === 'clean-up' ? undefined : stop);
  }
}

async function* unopened(resource: string): AsyncGenerator<Check> {
  for (const { action } of StorageProbe.steps) {
    yield skipped({ action, permissions: [], resource }, 'storage could not be opened');
  }
}

/** Where the configuration says that the objects are, whether they can be reached there or not. */
function placeOf(storage: StorageConfig): { readonly kind: string; readonly resource: string } {
  for (const [kind, options] of Object.entries(storage)) {
    const { bucket, container, rootdirectory } = (options ?? {}) as Partial<Record<string, string>>;
    const parts = [bucket ?? container, rootdirectory].filter((part) => part !== undefined && part !== '');
    if (parts.length > 0) return { kind, resource: parts.join('/') };
  }
  return { kind: 'inmemory', resource: 'the memory of this process' };
}

function hasPublicEndpoint(storage: StorageConfig): boolean {
  return Object.values(storage).some(
    (options) => typeof (options as { readonly redirectendpoint?: unknown } | undefined)?.redirectendpoint === 'string',
  );
}

function identity(): string {
  return `user ${process.getuid?.() ?? '?'}, group ${process.getgid?.() ?? '?'}`;
}

/** The first signal ends the checks, but not the clean-up; a second one ends the process. */
function interruption(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => controller.abort());
  return controller.signal;
}
