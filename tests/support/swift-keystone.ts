import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { isDeepStrictEqual } from 'node:util';
import type { Swift } from './swift.ts';

/** Who may have a token, as the fake knows them. */
export const KEYSTONE = {
  user: 'registry',
  password: 'the password of the user',
  domain: { id: 'd-1', name: 'Engineering' },
  project: { id: 'p-1', name: 'images', domain: { id: 'd-2', name: 'Operations' } },
  trust: 't-1',
  applicationCredential: { id: 'ac-1', secret: 'the secret of the application' },
} as const;

export interface KeystoneOptions {
  /** What the tokens say of themselves. @default 3600 */
  readonly lifetimeSeconds?: number;
}

/**
 * Stands in for OpenStack's identity service: it takes what the documentation of versions 2.0 and 3 has, and nothing else, and gives
 * out tokens of a real Swift with a service catalogue of two regions, of which the second one has no Swift behind it.
 *
 * https://docs.openstack.org/api-ref/identity/v3/#authentication-and-token-management
 */
export interface Keystone {
  /** Without a version in it, such as http://127.0.0.1:41234. */
  readonly url: string;
  /** Bodies of the requests for tokens, in order. */
  readonly requests: readonly unknown[];
  /** The next tokens are none that Swift accepts. */
  giveBadTokens(count: number): void;
  /** Answers 503 from now on, or no longer. */
  breakDown(isDown: boolean): void;
  stop(): Promise<void>;
}

type Answer = readonly [status: number, body: unknown, headers?: Readonly<Record<string, string>>];

const UNAUTHORIZED: Answer = [
  401,
  { error: { code: 401, title: 'Unauthorized', message: 'The request you have made requires authentication.' } },
];

export async function startKeystone(swift: Swift, { lifetimeSeconds = 3600 }: KeystoneOptions = {}): Promise<Keystone> {
  const requests: unknown[] = [];
  let badTokens = 0;
  let isDown = false;

  const token = async () => {
    if (badTokens > 0) {
      badTokens -= 1;
      return 'AUTH_tk00000000000000000000000000000000';
    }
    const { headers } = await fetch(swift.authUrl, {
      headers: { 'x-auth-user': swift.user, 'x-auth-key': swift.key },
    });
    return headers.get('x-auth-token') as string;
  };
  const expires = () => new Date(Date.now() + lifetimeSeconds * 1000).toISOString();
  const account = `${swift.url}/v1/AUTH_test`;

  const version2 = async (body: unknown): Promise<Answer> => {
    const { user: username, password, project } = KEYSTONE;
    const passwordCredentials = { username, password };
    const isScoped = [{ tenantName: project.name }, { tenantId: project.id }].some((scope) =>
      isDeepStrictEqual(body, { auth: { passwordCredentials, ...scope } }),
    );
    if (!isScoped && !isDeepStrictEqual(body, { auth: { passwordCredentials } })) return UNAUTHORIZED;
    const endpoints = [
      { region: 'RegionOne', publicURL: account, internalURL: `${account}/`, adminURL: swift.url },
      { region: 'RegionTwo', publicURL: 'http://127.0.0.1:9/v1/AUTH_test' },
    ];
    const serviceCatalog = isScoped
      ? [
          { type: 'identity', endpoints: [] },
          { type: 'object-store', name: 'swift', endpoints },
        ]
      : [];
    // Version 2 gives whole seconds, and says that they are of UTC.
    const id = await token();
    return [200, { access: { token: { id, expires: expires().replace(/\.\d+Z$/, 'Z') }, serviceCatalog } }];
  };

  const version3 = async (body: unknown): Promise<Answer> => {
    const scope = isVersion3Request(body);
    if (scope === undefined) return UNAUTHORIZED;
    const endpoints = [
      { interface: 'admin', region: 'RegionOne', region_id: 'RegionOne', url: swift.url },
      { interface: 'internal', region: 'RegionOne', region_id: 'RegionOne', url: `${account}/` },
      { interface: 'public', region: 'RegionOne', region_id: 'RegionOne', url: account },
      { interface: 'public', region: 'RegionTwo', region_id: 'RegionTwo', url: 'http://127.0.0.1:9/v1/AUTH_test' },
    ];
    const catalog = [
      { type: 'identity', endpoints: [] },
      { type: 'object-store', name: 'swift', endpoints },
    ];
    const headers = { 'x-subject-token': await token() };
    return [201, { token: { expires_at: expires(), ...(scope === 'scoped' && { catalog }) } }, headers];
  };

  const answer = async (request: IncomingMessage): Promise<Answer> => {
    if (isDown) return [503, { error: { code: 503, title: 'Service Unavailable' } }];
    const { method, url, headers } = request;
    if (method !== 'POST') return [405, { error: { code: 405, title: 'Method Not Allowed' } }];
    const version = { '/v2.0/tokens': version2, '/v3/auth/tokens': version3 }[url as string];
    if (version === undefined) return [404, { error: { code: 404, title: 'Not Found' } }];
    if (headers['content-type'] !== 'application/json') return [415, { error: { code: 415 } }];
    const body: unknown = JSON.parse(await text(request));
    requests.push(body);
    return version(body);
  };

  const server = createServer(async (request, response) => {
    const [status, body, headers = {}] = await answer(request);
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(JSON.stringify(body));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    giveBadTokens: (count) => {
      badTokens = count;
    },
    breakDown: (down) => {
      isDown = down;
    },
    stop: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

/** Whether the request has one of the forms that the documentation has, and what is asked for is there. */
function isVersion3Request(body: unknown): 'scoped' | 'unscoped' | undefined {
  const { user: name, password, domain, project, trust, applicationCredential } = KEYSTONE;
  const passwords = [{ id: domain.id }, { name: domain.name }].map((of) => ({
    methods: ['password'],
    password: { user: { name, password, domain: of } },
  }));
  const scopes = [
    { project: { id: project.id } },
    { project: { name: project.name, domain: { id: project.domain.id } } },
    { project: { name: project.name, domain: { name: project.domain.name } } },
    { 'OS-TRUST:trust': { id: trust } },
  ];
  const application = { methods: ['application_credential'], application_credential: applicationCredential };
  const scoped = passwords.flatMap((identity) => scopes.map((scope) => ({ auth: { identity, scope } })));
  if ([...scoped, { auth: { identity: application } }].some((form) => isDeepStrictEqual(body, form))) return 'scoped';
  const isUnscoped = passwords.some((identity) => isDeepStrictEqual(body, { auth: { identity } }));
  return isUnscoped ? 'unscoped' : undefined;
}
