/**
 * A WWW-Authenticate header with one challenge (RFC 9110, section 11.6.1). Every parameter is quoted, which the container
 * clients' parsers rely on; parameters without a value are left out.
 */
export function formatChallenge(
  scheme: 'Basic' | 'Bearer',
  parameters: Readonly<Record<string, string | undefined>>,
): string {
  const quoted = Object.entries(parameters)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}="${quotable(value as string)}"`);
  return `${scheme} ${quoted.join(',')}`;
}

/** A name in a path may hold what no header can carry; such a name is refused later, so it need not survive here. */
function quotable(value: string): string {
  return value.replace(/[^\x20-\x7e]/g, '?').replace(/["\\]/g, '\\$&');
}

export interface BasicCredentials {
  readonly username: string;
  readonly password: string;
}

/**
 * User name and password of an Authorization header of the Basic scheme (RFC 7617, UTF-8).
 *
 * @returns undefined when the header is of another scheme or damaged
 */
export function parseBasicCredentials(authorization: string): BasicCredentials | undefined {
  const encoded = /^Basic +([A-Za-z0-9+/=_-]+) *$/i.exec(authorization)?.[1];
  if (encoded === undefined) return undefined;
  const decoded = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = decoded.indexOf(':');
  if (colon === -1) return undefined;
  return { username: decoded.slice(0, colon), password: decoded.slice(colon + 1) };
}
