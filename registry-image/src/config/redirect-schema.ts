import { z } from 'zod';
import { network } from './networks.ts';
import { duration } from './values.ts';

/** `storage.redirect`: https://distribution.github.io/distribution/about/configuration/#redirect, and what is ours. */
export const redirectSchema = z.strictObject({
  disable: z.boolean().default(false),
  /** How long a signed URL is good for. */
  expirydelay: duration({ min: '1m', max: '168h' }).prefault('20m'),
  /** Clients that get the bytes from here all the same, because they cannot reach the store. Ours. */
  exceptions: z
    .strictObject({
      networks: z.array(network()).default([]),
      /** What `User-Agent` says; `*` is any run of characters. */
      useragents: z.array(z.string().min(1)).default([]),
    })
    .prefault({}),
});

interface Endpoints {
  readonly storage: Readonly<Record<string, unknown>> & { readonly redirect: { readonly disable: boolean } };
  readonly http: { readonly host?: string | undefined };
}

/**
 * Drivers whose signed URLs would be on the registry's own host, or below it: clients send their `Authorization` along when a
 * redirect stays there (https://pkg.go.dev/net/http#Client), and the store would get it, and refuse two kinds of credentials.
 */
export function driversOnOwnHost({ storage, http }: Endpoints): readonly string[] {
  if (http.host === undefined || storage.redirect.disable) return [];
  const own = new URL(http.host).hostname;
  return Object.entries(storage).flatMap(([driver, options]) => {
    const { redirectendpoint } = (options ?? {}) as { redirectendpoint?: unknown };
    if (typeof redirectendpoint !== 'string' || !URL.canParse(redirectendpoint)) return [];
    const { hostname } = new URL(redirectendpoint);
    return hostname === own || hostname.endsWith(`.${own}`) ? [driver] : [];
  });
}
