import { isRestError, type RestError } from '@azure/storage-blob';

/** Actions of Azure's roles: https://learn.microsoft.com/azure/role-based-access-control/permissions/storage#microsoftstorage */
const BLOBS = 'Microsoft.Storage/storageAccounts/blobServices/containers/blobs';

export const AZURE_PERMISSIONS = {
  read: `${BLOBS}/read`,
  write: `${BLOBS}/write`,
  delete: `${BLOBS}/delete`,
  signUrls: 'Microsoft.Storage/storageAccounts/blobServices/generateUserDelegationKey/action',
} as const;

export type AzurePermission = (typeof AZURE_PERMISSIONS)[keyof typeof AZURE_PERMISSIONS];

/** What identifies a failed call: the permission that it needs, and where it went. */
export interface AzureCall {
  readonly permission: AzurePermission;
  readonly account: string;
  readonly container: string;
  /** Host of the account. */
  readonly host: string;
  readonly credentials: 'shared_key' | 'client_secret' | 'default_credentials';
}

/** Error codes of Azure: https://learn.microsoft.com/rest/api/storageservices/blob-service-error-codes */
const MISSING_BLOB = ['BlobNotFound', 'ResourceNotFound', 'CannotVerifyCopySource'];

/** Names of the errors of @azure/identity. */
const IDENTITY_ERRORS = [
  'AggregateAuthenticationError',
  'AuthenticationError',
  'AuthenticationRequiredError',
  'CredentialUnavailableError',
];

/** Whether Azure failed with one of these error codes, explained or not. */
export function isAzureError(error: unknown, ...codes: readonly string[]): boolean {
  const answer = isRestError(error) ? error : (error as Error).cause;
  return isRestError(answer) && codes.includes(codeOf(answer));
}

/** Whether Azure said that a blob does not exist; not so for a container. */
export function isMissingBlob(error: unknown): boolean {
  return isRestError(error) && error.statusCode === 404 && MISSING_BLOB.includes(codeOf(error));
}

/** Turns what Azure answers into what the operator can do about it. What does not come from Azure stays as it is. */
export function explainAzureError(error: unknown, call: AzureCall): unknown {
  if (IDENTITY_ERRORS.includes((error as Error).name)) {
    return new Error(withoutToken(error as Error, call), { cause: error });
  }
  if (!isRestError(error)) return error;
  // Its message has the whole answer in it, which may be a key that signs.
  if (error.code === 'PARSE_ERROR') return new Error(`Azure answered something that is no XML to ${call.permission}`);
  if (error.statusCode === undefined) return new Error(withoutAnswer(error, call), { cause: error });
  const code = codeOf(error);
  const text = firstLine(error);
  const said = `Azure answered ${[error.statusCode, code].join(' ').trim()}${text === '' ? '' : ` (${text})`} to ${call.permission}`;
  const help = helpFor(code, error.statusCode, call);
  return new Error(help === undefined ? said : `${said}: ${help}`, { cause: error });
}

function helpFor(code: string, status: number, call: AzureCall): string | undefined {
  const { account, container, credentials } = call;
  switch (code) {
    case 'ContainerNotFound':
    case 'ContainerBeingDeleted':
    case 'ContainerDisabled':
      return `there is no container "${container}" in the account ${account}; create it, or correct storage.azure.container and storage.azure.accountname`;
    case 'AuthorizationPermissionMismatch':
    case 'InsufficientAccountPermissions':
      return missingRole(call);
    case 'KeyBasedAuthenticationNotPermitted':
      return `the account ${account} takes no keys; remove storage.azure.accountkey and give the identity of this machine the role Storage Blob Data Contributor`;
    case 'AuthorizationFailure':
      return `the network rules of the account ${account} probably keep this machine out, or ${badCredentials(credentials)}; allow its network or a private endpoint, and check them`;
    case 'AuthenticationFailed':
    case 'InvalidAuthenticationInfo':
    case 'NoAuthenticationInformation':
      return `${badCredentials(credentials)}; check them, and the clock of this machine`;
    case 'AccountIsDisabled':
      return `the account ${account} is disabled; look at the state of its subscription`;
    case 'BlobArchived':
      return 'the blob is in the archive tier; rehydrate it, and keep lifecycle rules from archiving this container';
    case 'BlobImmutableDueToPolicy':
    case 'BlobImmutableDueToLegalHold':
      return `an immutability policy keeps the blob; the registry needs a container without one, and "${container}" has one`;
    case 'InvalidBlockList':
      return 'parts of the upload are gone, which Azure removes a week after the last one came; start it again';
    default:
      return status === 401 || status === 403 ? missingRole(call) : undefined;
  }
}

function missingRole({ permission, account, container, credentials }: AzureCall): string {
  if (credentials === 'shared_key') return `${badCredentials(credentials)}; check them`;
  const signs = permission === AZURE_PERMISSIONS.signUrls;
  const role = signs ? 'Storage Blob Delegator' : 'Storage Blob Data Contributor';
  const scope = signs ? `the account ${account}` : `the container "${container}" of the account ${account}`;
  const otherwise = signs ? ', or set storage.redirect.disable' : '';
  return `no role of the identity has this permission; give it the role ${role} on ${scope}, which takes up to ten minutes to work${otherwise}`;
}

function badCredentials(credentials: AzureCall['credentials']): string {
  if (credentials === 'shared_key') return 'storage.azure.accountname and storage.azure.accountkey do not go together';
  return 'the token of the identity is not one of a tenant that the account trusts (storage.azure.credentials)';
}

function withoutToken(error: Error, { credentials, account }: AzureCall): string {
  const help =
    credentials === 'client_secret'
      ? 'check clientid, tenantid and secret in storage.azure.credentials'
      : 'give the machine a managed identity, or set storage.azure.accountkey or storage.azure.credentials';
  return `there is no token for the account ${account} (${error.name}: ${firstLine(error)}); ${help}`;
}

function withoutAnswer(error: RestError, { host }: AzureCall): string {
  const help =
    error.code === 'ENOTFOUND'
      ? 'check storage.azure.accountname and storage.azure.realm'
      : 'check the network between this machine and the account';
  return `Azure did not answer at ${host} (${firstLine(error)}); ${help}`;
}

/** The answer to a HEAD request has no body: its code is in a header. */
function codeOf(error: RestError): string {
  const { errorCode } = (error.details ?? {}) as { readonly errorCode?: string };
  return errorCode ?? (error.statusCode === undefined ? undefined : error.code) ?? '';
}

/** The next ones have the id of the request and the time. */
function firstLine({ message }: Error): string {
  return message.split('\n', 1)[0]?.trim().replace(/[.:]$/, '') ?? '';
}
