import { type Gcs, startGcs } from './gcs.ts';
import { type RegistryProcess, startRegistry } from './registry-process.ts';

export interface GcsRegistry {
  readonly registry: RegistryProcess;
  readonly gcs: Gcs;
  stop(): Promise<void>;
}

/** A registry whose objects are in the stand-in of Cloud Storage, and which is the service account of a machine. */
export async function startGcsRegistry(options: { readonly redirect: boolean }): Promise<GcsRegistry> {
  const gcs = await startGcs();
  const registry = await startRegistry({
    config: {
      storage: {
        gcs: { bucket: gcs.bucket.name, endpoint: gcs.url },
        delete: { enabled: true },
        redirect: { disable: !options.redirect },
      },
    },
    env: { GCE_METADATA_HOST: gcs.metadataHost },
  });
  return {
    registry,
    gcs,
    stop: async () => {
      await registry.stop();
      await gcs.stop();
    },
  };
}
