import type { Config } from '../config/schema.ts';
import type { Uploads } from './uploads.ts';

export type UploadPurgingOptions = Config['storage']['maintenance']['uploadpurging'];

interface Log {
  info(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/**
 * Removes abandoned uploads on a schedule: `storage.maintenance.uploadpurging` of distribution.
 *
 * @returns stops it
 */
export function startUploadPurging(uploads: Uploads, options: UploadPurgingOptions, log: Log): () => void {
  if (!options.enabled) return () => {};
  const purge = async () => {
    try {
      const removed = await uploads.purge(new Date(Date.now() - options.age), { dryRun: options.dryrun });
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
  const timer = setInterval(() => void purge(), options.interval);
  timer.unref();
  void purge();
  return () => clearInterval(timer);
}
