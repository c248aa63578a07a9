import type { SwiftAnswer, SwiftCall } from './swift-http.ts';
import type { SwiftOptions } from './swift-options.ts';

/** What a token of an identity service says. */
export interface SwiftToken {
  readonly token: string;
  /** URL of the account, without a "/" at the end. */
  readonly storageUrl: string;
  /** Milliseconds since 1970; left out where the service does not say. */
  readonly expiresAt: number | undefined;
}

/** How a token is asked for, and how the answer is read. */
export interface TokenProtocol {
  readonly call: SwiftCall;
  /** @throws Error that says what to do when the answer has no Swift in it */
  read(answer: SwiftAnswer): SwiftToken;
}

export function tokenProtocol(options: SwiftOptions): TokenProtocol {
  if (options.authversion === 1) return version1(options);
  return options.authversion === 2 ? version2(options) : version3(options);
}

/** Swift's own users: https://docs.openstack.org/swift/latest/overview_auth.html#tempauth */
function version1({ authurl, username = '', password = '' }: SwiftOptions): TokenProtocol {
  return {
    call: { method: 'GET', url: authurl, headers: { 'x-auth-user': username, 'x-auth-key': password } },
    read: ({ headers }) => {
      const { 'x-auth-token': token, 'x-storage-url': storageUrl, 'x-auth-token-expires': seconds } = headers;
      if (typeof token !== 'string' || typeof storageUrl !== 'string') {
        throw new Error(
          `${authurl} answered without the headers X-Auth-Token and X-Storage-Url: it is no identity service of version 1; correct storage.swift.authurl or storage.swift.authversion`,
        );
      }
      const expiresAt = seconds === undefined ? undefined : Date.now() + Number(seconds) * 1000;
      return { token, storageUrl: withoutSlash(storageUrl), expiresAt };
    },
  };
}

interface Version2Answer {
  readonly access?: {
    readonly token?: { readonly id: string; readonly expires?: string };
    readonly serviceCatalog?: readonly {
      readonly type: string;
      readonly endpoints: readonly {
        readonly region?: string;
        readonly publicURL?: string;
        readonly internalURL?: string;
        readonly adminURL?: string;
      }[];
    }[];
  };
}

/** https://docs.openstack.org/keystone/stein/contributor/http-api.html, and the API reference of version 2.0 */
function version2(options: SwiftOptions): TokenProtocol {
  const { authurl, username, password, tenant, tenantid } = options;
  const project = tenantid !== undefined ? { tenantId: tenantid } : { tenantName: tenant };
  const url = belowUrl(authurl, 'tokens');
  return {
    call: postJson(url, { auth: { passwordCredentials: { username, password }, ...project } }),
    read: (answer) => {
      const { access } = parsed<Version2Answer>(answer, url);
      if (access?.token === undefined) throw notAnIdentityService(url, 2);
      const endpoints = (access.serviceCatalog ?? [])
        .filter(({ type }) => type === 'object-store')
        .flatMap((service) =>
          service.endpoints.flatMap(({ region, publicURL, internalURL, adminURL }) => [
            { kind: 'public', regions: [region], url: publicURL },
            { kind: 'internal', regions: [region], url: internalURL },
            { kind: 'admin', regions: [region], url: adminURL },
          ]),
        );
      return {
        token: access.token.id,
        storageUrl: endpointOf(endpoints, options),
        expiresAt: timeOf(access.token.expires),
      };
    },
  };
}

interface Version3Answer {
  readonly token?: {
    readonly expires_at?: string | null;
    readonly catalog?: readonly {
      readonly type: string;
      readonly endpoints: readonly {
        readonly interface: string;
        readonly region?: string | null;
        readonly region_id?: string | null;
        readonly url: string;
      }[];
    }[];
  };
}

/** https://docs.openstack.org/api-ref/identity/v3/#authentication-and-token-management */
function version3(options: SwiftOptions): TokenProtocol {
  const url = belowUrl(options.authurl, 'auth/tokens');
  return {
    call: postJson(url, { auth: { identity: identityOf(options), ...scopeOf(options) } }),
    read: (answer) => {
      const { token } = parsed<Version3Answer>(answer, url);
      const subject = answer.headers['x-subject-token'];
      if (token === undefined || typeof subject !== 'string') throw notAnIdentityService(url, 3);
      const endpoints = (token.catalog ?? [])
        .filter(({ type }) => type === 'object-store')
        .flatMap((service) =>
          service.endpoints.map(({ interface: kind, region, region_id, url: at }) => ({
            kind,
            regions: [region, region_id],
            url: at,
          })),
        );
      return {
        token: subject,
        storageUrl: endpointOf(endpoints, options),
        expiresAt: timeOf(token.expires_at),
      };
    },
  };
}

function identityOf(options: SwiftOptions) {
  const { applicationcredentialid, applicationcredentialsecret } = options;
  if (applicationcredentialid !== undefined) {
    return {
      methods: ['application_credential'],
      application_credential: { id: applicationcredentialid, secret: applicationcredentialsecret },
    };
  }
  const user = { name: options.username, password: options.password, domain: userDomain(options) };
  return { methods: ['password'], password: { user } };
}

/** An application credential has its project already, and Keystone refuses to be told another. */
function scopeOf(options: SwiftOptions) {
  const { applicationcredentialid, trustid, tenant, tenantid, tenantdomain, tenantdomainid } = options;
  if (applicationcredentialid !== undefined) return {};
  if (trustid !== undefined) return { scope: { 'OS-TRUST:trust': { id: trustid } } };
  if (tenantid !== undefined) return { scope: { project: { id: tenantid } } };
  if (tenant === undefined) return {};
  const domain = domainOf(tenantdomain, tenantdomainid) ?? userDomain(options);
  return { scope: { project: { name: tenant, domain } } };
}

function userDomain({ domain, domainid }: SwiftOptions) {
  return domainOf(domain, domainid) ?? { id: 'default' };
}

function domainOf(name: string | undefined, id: string | undefined) {
  if (name !== undefined) return { name };
  return id === undefined ? undefined : { id };
}

interface Endpoint {
  readonly kind: string;
  readonly regions: readonly (string | null | undefined)[];
  readonly url: string | undefined;
}

/** @throws Error that names what the catalogue has, when nothing in it fits */
function endpointOf(endpoints: readonly Endpoint[], { region, endpointtype }: SwiftOptions): string {
  const usable = endpoints.filter(({ url }) => url !== undefined);
  const found = usable.find(
    ({ kind, regions }) => kind === endpointtype && (region === undefined || regions.includes(region)),
  );
  if (found?.url !== undefined) return withoutSlash(found.url);
  if (usable.length === 0) {
    throw new Error(
      'the token of the identity service names no object-store; set storage.swift.tenant or tenantid to a project that may use Swift',
    );
  }
  const known = [...new Set(usable.map(({ kind, regions }) => `${kind} in ${regions.find(Boolean) ?? 'no region'}`))];
  throw new Error(
    `the identity service knows no object-store that is ${endpointtype}${region === undefined ? '' : ` in the region ${region}`}; it knows ${known.join(', ')}: correct storage.swift.region or storage.swift.endpointtype`,
  );
}

function postJson(url: string, body: unknown): SwiftCall {
  const headers = { 'content-type': 'application/json', accept: 'application/json' };
  return { method: 'POST', url, headers, body: Buffer.from(JSON.stringify(body)) };
}

/** Operators write the URL of the service, with or without the last steps of the path. */
function belowUrl(authurl: string, path: string): string {
  const base = withoutSlash(authurl);
  const [first] = path.split('/');
  if (base.endsWith(`/${path}`)) return base;
  return first !== path && base.endsWith(`/${first}`)
    ? `${base}/${path.slice(path.indexOf('/') + 1)}`
    : `${base}/${path}`;
}

function parsed<T>({ body }: SwiftAnswer, url: string): T {
  try {
    return JSON.parse(body.toString()) as T;
  } catch (error) {
    throw new Error(`${url} answered with something that is no JSON; correct storage.swift.authurl`, { cause: error });
  }
}

function notAnIdentityService(url: string, version: number): Error {
  return new Error(
    `${url} answered without a token: it is no identity service of version ${version}; correct storage.swift.authurl or storage.swift.authversion`,
  );
}

/** Times of version 2 and 3 are of UTC, also where they do not say so. */
function timeOf(text: string | null | undefined): number | undefined {
  if (text === undefined || text === null) return undefined;
  const time = Date.parse(/(Z|[+-]\d\d:?\d\d)$/.test(text) ? text : `${text}Z`);
  return Number.isNaN(time) ? undefined : time;
}

function withoutSlash(url: string): string {
  return url.replace(/\/+$/, '');
}
