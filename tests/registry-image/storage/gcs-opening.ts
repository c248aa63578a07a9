import { type GcsOptions, gcsSchema } from '../../../registry-image/src/config/gcs-schema.ts';
import { type GcsIdentity, openIdentity } from '../../../registry-image/src/storage/gcs-identity.ts';
import type { Gcs } from '../../support/gcs.ts';

/** The `gcs` section of a configuration for the stand-in, as the server sees it: defaults are filled in. */
export function gcsOptions(gcs: Gcs, settings: Record<string, unknown> = {}): GcsOptions {
  return gcsSchema.parse({ bucket: gcs.bucket.name, endpoint: gcs.url, ...settings });
}

/** The identity that a section gives, with tokens and signatures asked for at the stand-in in place of Google. */
export async function identityAt(gcs: Gcs, options: GcsOptions): Promise<GcsIdentity> {
  const fetchImplementation: typeof fetch = (input, init) => {
    const { pathname, search } = new URL(input instanceof Request ? input.url : input);
    return fetch(`${gcs.identityUrl}${pathname}${search}`, init);
  };
  return openIdentity(options, { fetchImplementation });
}

/** The identity of the key file of the stand-in's account. */
export async function keyIdentity(gcs: Gcs): Promise<GcsIdentity> {
  return identityAt(gcs, gcsOptions(gcs, { credentials: gcs.keyFile() }));
}
