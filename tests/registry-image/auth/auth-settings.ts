import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { hashSync } from '@node-rs/bcrypt';
import { type Config, type ConfigInput, configSchema } from '../../../registry-image/src/config/schema.ts';

export const SERVICE = 'container_registry';
export const ISSUER = 'test-issuer';
export const REALM = 'https://registry.example.com/jwt/auth';

type TokenSettings = NonNullable<NonNullable<ConfigInput['auth']>['token']>;
type EndpointSettings = NonNullable<ConfigInput['tokenendpoint']>;

/** Users of {@link authConfig}: name to password. */
export const PASSWORDS = { root: 'root-password', ci: 'ci-password' } as const;

export interface AuthSettings {
  readonly token?: Partial<TokenSettings>;
  readonly endpoint?: Partial<EndpointSettings>;
}

/** A configuration with a token endpoint, its files in the directory. `root` may do everything, `ci` works in `group/`, all pull `public/`. */
export function authConfig(directory: string, { token, endpoint }: AuthSettings = {}): Config {
  const htpasswd = path.join(directory, 'htpasswd');
  const lines = Object.entries(PASSWORDS).map(([name, password]) => `${name}:${hashSync(password, { cost: 4 })}\n`);
  writeFileSync(htpasswd, lines.join(''));
  return configSchema.parse({
    version: 0.1,
    storage: { inmemory: {} },
    auth: { token: { realm: REALM, service: SERVICE, issuer: ISSUER, ...token } },
    tokenendpoint: {
      htpasswd,
      privatekey: path.join(directory, 'token.key'),
      access: [
        { users: ['root'], repositories: ['**'], actions: ['pull', 'push', 'delete'], catalog: true },
        { users: ['ci'], repositories: ['group/**'], actions: ['pull', 'push'] },
        { users: ['anonymous'], repositories: ['public/**'] },
      ],
      ...endpoint,
    },
  });
}

export function basic(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}
