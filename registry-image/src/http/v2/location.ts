import type { Config } from '../../config/schema.ts';

/** How a Location is written. */
export interface Locations {
  /** URL put in front of each path; left out: the path alone, which holds behind any proxy. */
  readonly base?: string;
}

/**
 * Paths by default: an absolute `http://` Location behind a proxy that speaks TLS sends clients astray. With `http.host` set,
 * and `http.relativeurls` not, they are absolute.
 */
export function locationsOf({ host, relativeurls }: Pick<Config['http'], 'host' | 'relativeurls'>): Locations {
  return host === undefined || relativeurls ? {} : { base: new URL(host).origin };
}

export function locationOf({ base = '' }: Locations, path: string): string {
  return `${base}${path}`;
}
