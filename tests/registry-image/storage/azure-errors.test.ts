import { RestError } from '@azure/storage-blob';
import { describe, expect, test } from '@jest/globals';
import {
  AZURE_PERMISSIONS,
  type AzureCall,
  explainAzureError,
  isAzureError,
} from '../../../registry-image/src/storage/azure-errors.ts';

const CALL: AzureCall = {
  permission: AZURE_PERMISSIONS.write,
  account: 'examplecom',
  container: 'images',
  host: 'examplecom.blob.core.windows.net',
  credentials: 'default_credentials',
};

/** An answer as the SDK throws it; that to a HEAD has its code in a header only. */
function answer(statusCode: number, errorCode: string, text = 'Some words.') {
  const error = new RestError(`${text}\nRequestId:1\nTime:2026-05-01T12:00:00Z`, { statusCode });
  error.details = { errorCode };
  return error;
}

function explained(error: unknown, call: Partial<AzureCall> = {}): string {
  return (explainAzureError(error, { ...CALL, ...call }) as Error).message;
}

describe('an error of Azure', () => {
  test('about a permission names it, the role that has it, and where to give it', () => {
    expect(explained(answer(403, 'AuthorizationPermissionMismatch', 'Not with this permission.'))).toBe(
      'Azure answered 403 AuthorizationPermissionMismatch (Not with this permission) to Microsoft.Storage/storageAccounts/blobServices/containers/blobs/write: no role of the identity has this permission; give it the role Storage Blob Data Contributor on the container "images" of the account examplecom, which takes up to ten minutes to work',
    );
  });

  test('about the key that signs URLs names the role on the account, and how to do without', () => {
    const error = answer(403, 'AuthorizationPermissionMismatch');
    expect(explained(error, { permission: AZURE_PERMISSIONS.signUrls })).toMatch(
      /generateUserDelegationKey\/action: .* the role Storage Blob Delegator on the account examplecom, .* or set storage\.redirect\.disable$/,
    );
  });

  test.each([
    [404, 'ContainerNotFound', /no container "images" in the account examplecom; create it/],
    [403, 'AuthorizationFailure', /network rules of the account examplecom probably keep this machine out/],
    [403, 'AuthenticationFailed', /the token of the identity is not .*; check them, and the clock of this machine/],
    [401, 'InvalidAuthenticationInfo', /the token of the identity is not .* a tenant that the account trusts/],
    [403, 'KeyBasedAuthenticationNotPermitted', /takes no keys; remove storage\.azure\.accountkey/],
    [403, 'AccountIsDisabled', /the account examplecom is disabled/],
    [403, 'SomethingNew', /no role of the identity has this permission/],
    [409, 'BlobArchived', /in the archive tier; rehydrate it/],
    [409, 'BlobImmutableDueToPolicy', /an immutability policy keeps the blob/],
    [400, 'InvalidBlockList', /parts of the upload are gone, .* a week after the last one came; start it again/],
  ])('%d %s says what to do', (status, code, help) => {
    expect(explained(answer(status, code))).toMatch(help);
  });

  test('with an account key speaks of the key, not of roles', () => {
    const error = answer(403, 'AuthenticationFailed');
    expect(explained(error, { credentials: 'shared_key' })).toMatch(
      /accountname and storage\.azure\.accountkey do not go together; check them, and the clock/,
    );
    expect(explained(answer(403, ''), { credentials: 'shared_key' })).not.toMatch(/role/);
  });

  test('that it has no words for keeps the code, and can be told by it', () => {
    const error = explainAzureError(answer(412, 'LeaseIdMissing', 'There is a lease.'), CALL);
    expect((error as Error).message).toBe(
      `Azure answered 412 LeaseIdMissing (There is a lease) to ${AZURE_PERMISSIONS.write}`,
    );
    expect(isAzureError(error, 'LeaseIdMissing')).toBe(true);
    expect(isAzureError(error, 'BlobNotFound')).toBe(false);
  });

  test('about a name that does not exist points at the account', () => {
    const error = new RestError('getaddrinfo ENOTFOUND examplecom.blob.core.windows.net', { code: 'ENOTFOUND' });
    expect(explained(error)).toMatch(
      /did not answer at examplecom\.blob\.core\.windows\.net .* check storage\.azure\.accountname and storage\.azure\.realm/,
    );
  });

  test('about an answer that cannot be read keeps what was in it to itself', () => {
    const error = new RestError('Error "Unclosed tag" occurred while parsing - <Value>a key that signs', {
      code: 'PARSE_ERROR',
      statusCode: 200,
    });
    const explanation = explainAzureError(error, CALL) as Error;
    expect(`${explanation.stack} ${explanation.cause}`).not.toContain('a key that signs');
  });

  test.each([
    ['client_secret', /check clientid, tenantid and secret in storage\.azure\.credentials/],
    ['default_credentials', /give the machine a managed identity, or set storage\.azure\.accountkey/],
  ] as const)('about a token that is refused to %s says what to check', (credentials, help) => {
    const error = Object.assign(new Error('invalid_client: AADSTS7000215\nmore'), { name: 'AuthenticationError' });
    expect(explained(error, { credentials })).toMatch(help);
  });

  test('that is not one of Azure stays as it is', () => {
    const error = new TypeError('a fault of ours');
    expect(explainAzureError(error, CALL)).toBe(error);
  });
});
