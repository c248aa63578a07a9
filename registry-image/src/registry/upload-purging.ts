import type { Config } from '../config/schema.ts';

export type UploadPurgingOptions = Config['storage']['maintenance']['uploadpurging'];

interface Log {
  info(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** Uploads of one kind, with what tells them from each other. */
export interface PurgeableUploads {
  /** Removes those that nobody has touched since a time; returns them. */
  purge(
    before: Date,
    options: { readonly dryRun: boolean },
  ): Promise<readonly { readonly id: string; readonly repository?: string }[]>;
}

/**
 * Removes abandoned uploads on a schedule: `storage.maintenance.uploadpurging` of distribution. A kind that fails does not keep the
 * others from being purged.
 *
 * @returns stops it
 */
export function startUploadPurging(
  kinds: readonly PurgeableUploads[],
  options: UploadPurgingOptions,
  log: Log,
): () => void {
  if (!options.enabled) return () => {};
  const purge = async (kind: PurgeableUploads) => {
    try {
      const removed = await kind.purge(new Date(Date.now() - options.age), { dryRun: options.dryrun });
      if (removed.length > 0) {
        log.info(
          { uploads: removed.map(({ id, repository }) => ({ id, repository })), dryRun: options.dryrun },
          'abandoned uploads purged',
        );
      }
    } catch (error) {
      log.error({ err: error }, 'abandoned uploads could not be purged');
    }
  };
  const purgeAll = async () => {
    for (const kind of kinds) await purge(kind);
  };
  const timer = setInterval(() => void purgeAll(), options.interval);
  timer.unref();
  void purgeAll();
  return () => clearInterval(timer);
}
