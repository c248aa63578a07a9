import { type SwiftAnswer, type SwiftCall, SwiftUnreachableError } from './swift-http.ts';
import type { SwiftOptions } from './swift-options.ts';

/** What a user of Swift may do or not; the words are those of its API: https://docs.openstack.org/api-ref/object-store/ */
export type SwiftAction =
  | 'GET container'
  | 'HEAD container'
  | 'POST container'
  | 'PUT container'
  | 'HEAD account'
  | 'POST account'
  | 'DELETE object'
  | 'GET object'
  | 'HEAD object'
  | 'POST object'
  | 'PUT object';

/** What a call was about. */
export interface SwiftSubject {
  readonly action: SwiftAction;
  /** Such as `AUTH_4f1c…`. */
  readonly account: string;
  readonly container: string;
}

const MAX_EXCERPT = 300;

/** Whether Swift says that there is no container, in place of: no object. */
export function isMissingContainer(action: SwiftAction, { status }: SwiftAnswer): boolean {
  return status === 404 && (action === 'PUT object' || action.endsWith('container'));
}

/** Turns an answer of Swift into what the operator can do about it. */
export function explainSwiftAnswer(answer: SwiftAnswer, subject: SwiftSubject): Error {
  const { action, account, container } = subject;
  const place = action.endsWith('account') ? `the account ${account}` : `${account}/${container}`;
  const said = `Swift answered ${describeAnswer(answer)} to ${action} in ${place}`;
  return new Error(`${said}${helpFor(answer, subject)}`);
}

function helpFor(answer: SwiftAnswer, subject: SwiftSubject): string {
  const { action, account, container } = subject;
  if (answer.status === 401) {
    return `: it does not accept the token, although that is new; storage.swift.authurl and storage.swift.region probably belong to another cloud, or the clocks differ`;
  }
  if (answer.status === 403)
    return `: the user is probably not allowed to; ${missingRight(action)}, or see whether ${account} is the account of the right project (storage.swift.tenant, tenantid, trustid)`;
  if (isMissingContainer(action, answer))
    return `: there is no container "${container}"; create it, or correct storage.swift.container`;
  if (answer.status === 413 || answer.status === 507)
    return ': the quota of the account or of the container is probably used up; raise it, or make room';
  return '';
}

/** https://docs.openstack.org/swift/latest/overview_acl.html */
function missingRight(action: SwiftAction): string {
  switch (action) {
    case 'GET object':
    case 'HEAD object':
      return 'give it a role in the project that may use Swift (member or swiftoperator), or its name in the read ACL of the container';
    case 'GET container':
    case 'HEAD container':
      return 'give it a role in the project that may use Swift (member or swiftoperator), or its name and .rlistings in the read ACL of the container';
    case 'PUT object':
    case 'POST object':
    case 'DELETE object':
      return 'give it a role in the project that may use Swift (member or swiftoperator), or its name in the write ACL of the container';
    default:
      return 'give it a role in the project that owns the account (member or swiftoperator): no ACL of a container is enough for this';
  }
}

/** The identity service refuses, or is none. */
export function explainIdentityAnswer(answer: SwiftAnswer, { url }: SwiftCall, options: SwiftOptions): Error {
  const said = `the identity service answered ${describeAnswer(answer)} to ${url}`;
  const { status } = answer;
  if (status === 401) {
    const who =
      options.applicationcredentialid === undefined
        ? 'username, password, domain or project are wrong, or the user has no role in the project; check storage.swift.username, password, domain, tenant and trustid'
        : 'the application credential is wrong or has expired; check storage.swift.applicationcredentialid and applicationcredentialsecret';
    return new Error(`${said}: ${who}`);
  }
  if (status === 404 || status === 405 || status === 300) {
    return new Error(
      `${said}: there is no identity service of version ${options.authversion}; correct storage.swift.authurl or storage.swift.authversion`,
    );
  }
  if (status === 403) return new Error(`${said}: the user is locked, or must not have a token of this kind`);
  return new Error(`${said}; check storage.swift.authurl and what the service has in its log`);
}

/** Says which option names a host that cannot be reached; other failures stay as they are. */
export function explainUnreachable(error: unknown, option: string): unknown {
  if (!(error instanceof SwiftUnreachableError)) return error;
  return new Error(
    `${error.message}; check ${option}, the network of this machine, and its trust in the certificate there`,
    {
      cause: error.cause,
    },
  );
}

/** `503 (the text of the page)`. */
function describeAnswer({ status, body }: SwiftAnswer): string {
  const text = body
    .toString()
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ')
    .trim()
    .slice(0, MAX_EXCERPT);
  return text === '' ? String(status) : `${status} (${text})`;
}
