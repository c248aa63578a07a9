import type { Config } from './schema.ts';

/** One thing that registry and token endpoint must agree about. */
interface Agreement {
  readonly subject: string;
  readonly registry: string;
  readonly endpoint: string;
  readonly verdict: string;
}

const ENDPOINT_PATH = '/jwt/auth';

/**
 * What the registry expects of tokens beside what the token endpoint puts into them, as lines of text. Empty for a registry that
 * takes no tokens.
 */
export function describeTokenPair(config: Config): readonly string[] {
  const { token } = config.auth;
  if (token === undefined) return [];
  const rows = config.tokenendpoint === undefined ? elsewhere(token) : here(config, token, config.tokenendpoint);
  const header = { subject: '', registry: 'registry expects', endpoint: 'token endpoint gives', verdict: '' };
  const table = [header, ...rows];
  const width = (column: keyof Agreement) => Math.max(...table.map((row) => row[column].length));
  const widths = { subject: width('subject'), registry: width('registry'), endpoint: width('endpoint') };
  return table.map(({ subject, registry, endpoint, verdict }) =>
    `${subject.padEnd(widths.subject)}  ${registry.padEnd(widths.registry)}  ${endpoint.padEnd(widths.endpoint)}  ${verdict}`.trimEnd(),
  );
}

type TokenOptions = NonNullable<Config['auth']['token']>;
type EndpointOptions = NonNullable<Config['tokenendpoint']>;

/** The endpoint signs for the issuer and the service of `auth.token`: one file cannot make them differ. */
function here(config: Config, token: TokenOptions, endpoint: EndpointOptions): readonly Agreement[] {
  const own = ownRealm(config, token);
  return [
    { subject: 'issuer', registry: token.issuer, endpoint: token.issuer, verdict: 'agree' },
    { subject: 'service', registry: token.service, endpoint: token.service, verdict: 'agree' },
    {
      subject: 'realm',
      registry: token.realm,
      endpoint: own,
      verdict: sameUrl(own, token.realm)
        ? 'agree'
        : 'differ: clients fetch tokens there only if that address leads here too',
    },
    {
      subject: 'algorithm',
      registry: token.signingalgorithms.join(', '),
      endpoint: endpoint.signingalgorithm,
      verdict: token.signingalgorithms.includes(endpoint.signingalgorithm) ? 'agree' : 'differ: the tokens are refused',
    },
  ];
}

function elsewhere(token: TokenOptions): readonly Agreement[] {
  const unknown = { endpoint: '(another server)', verdict: 'must be the same there' };
  return [
    { subject: 'issuer', registry: token.issuer, ...unknown },
    { subject: 'service', registry: token.service, ...unknown },
    { subject: 'realm', registry: token.realm, endpoint: '(another server)', verdict: 'must be its address' },
    {
      subject: 'algorithm',
      registry: token.signingalgorithms.join(', '),
      ...unknown,
      verdict: 'must be one of these there',
    },
  ];
}

/** Where this server answers as far as the file says: at `http.host`, or else at any name, with the scheme that it serves. */
function ownRealm({ http }: Config, token: TokenOptions): string {
  if (http.host !== undefined) return new URL(ENDPOINT_PATH, http.host).href;
  const realm = new URL(token.realm);
  // A proxy in front may add TLS and change the port, but takes neither away.
  const scheme = http.tls === undefined ? realm.protocol : 'https:';
  return `${scheme}//${realm.host}${ENDPOINT_PATH}`;
}

function sameUrl(left: string, right: string): boolean {
  return new URL(left).href === new URL(right).href;
}
