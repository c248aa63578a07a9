import type { HttpAnswer } from './gcs-http.ts';

/** Rights in the names of IAM: https://cloud.google.com/storage/docs/access-control/iam-permissions */
export type GcsPermission =
  | 'storage.multipartUploads.abort'
  | 'storage.multipartUploads.create'
  | 'storage.objects.create'
  | 'storage.objects.delete'
  | 'storage.objects.get'
  | 'storage.objects.list';

/** What Cloud Storage says when it does not do what it was asked for. */
export class GcsError extends Error {
  readonly status: number;
  /** The `code` of the XML API, the `reason` of the JSON API; empty for a page of something in between. */
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.name = 'GcsError';
    this.status = status;
    this.code = code;
  }
}

/**
 * Reads the failure in an answer: https://cloud.google.com/storage/docs/json_api/v1/status-codes and
 * https://cloud.google.com/storage/docs/xml-api/reference-status
 */
export function gcsErrorOf({ status, body }: HttpAnswer): GcsError {
  const text = body.toString();
  if (text.startsWith('{')) {
    try {
      const { error } = JSON.parse(text) as { error?: { message?: string; errors?: { reason?: string }[] } };
      return new GcsError(status, error?.errors?.[0]?.reason ?? '', error?.message ?? '');
    } catch {
      return new GcsError(status, '', '');
    }
  }
  const code = xmlElement(text, 'Code') ?? '';
  return new GcsError(status, code, xmlElement(text, 'Details') ?? xmlElement(text, 'Message') ?? '');
}

/** Text of the first element of a name; `undefined` when there is none. */
export function xmlElement(xml: string, name: string): string | undefined {
  const text = new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1];
  return text?.replace(/&(lt|gt|quot|apos|#39|#34|amp);/g, (entity) => ENTITIES[entity] as string);
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&lt;': '<',
  '&gt;': '>',
  '&quot;': '"',
  '&apos;': "'",
  '&#39;': "'",
  '&#34;': '"',
  '&amp;': '&',
};

/** Whether Cloud Storage said that an object does not exist; not so for a bucket or a multipart upload. */
export function isMissingObject(error: unknown): boolean {
  return error instanceof GcsError && error.status === 404 && !isMissingBucket(error) && error.code !== 'NoSuchUpload';
}

function isMissingBucket({ status, code, message }: GcsError): boolean {
  return status === 404 && (code === 'NoSuchBucket' || /bucket does not exist/i.test(message));
}

/** What identifies a call that failed. */
export interface GcsCall {
  /** The right that it needs. */
  readonly permission: GcsPermission;
  readonly bucket: string;
}

/** Turns what Cloud Storage answers into what the operator can do about it. */
export function explainGcsError(error: GcsError, { permission, bucket }: GcsCall): Error {
  const { status, code, message } = error;
  const details = [code, message === '' ? '' : `(${message})`].filter((part) => part !== '').join(' ');
  const said = `Cloud Storage answered ${status}${details === '' ? '' : ` ${details}`} to ${permission}`;
  const explained = (help: string) => new Error(`${said}: ${help}`, { cause: error });
  if (isMissingBucket(error)) {
    return explained(`there is no bucket "${bucket}"; create it, or correct storage.gcs.bucket`);
  }
  if (status === 401) {
    return explained(
      'the credentials are not accepted; check that the service account is there and enabled, that its key was not deleted, and the clock of this machine',
    );
  }
  if (status === 403 && /retention|hold/i.test(`${code} ${message}`)) {
    return explained(
      `the bucket "${bucket}" keeps objects from being replaced or deleted, and a registry does both; remove its retention policy and its holds`,
    );
  }
  if (status === 403 && /insufficient.*scopes?|insufficientPermissions|Provided scope/i.test(`${code} ${message}`)) {
    return explained(
      'the access scopes of the virtual machine do not let its service account do this; create the machine with the scope cloud-platform, and grant rights by IAM',
    );
  }
  if (status === 403 && /billing|accountDisabled|UserProject/i.test(`${code} ${message}`)) {
    return explained(`the project of the bucket "${bucket}" cannot be billed; check its billing account`);
  }
  if (status === 403) {
    const missing = /Permission '([\w.]+)' denied/.exec(message)?.[1] ?? permission;
    return explained(
      `the identity is probably not allowed ${missingPermission(missing)} on the bucket "${bucket}"; grant it roles/storage.objectUser on the bucket`,
    );
  }
  if (status === 429) {
    return explained('the object or the bucket is written more often than Cloud Storage takes, for minutes on end');
  }
  return new Error(said, { cause: error });
}

function missingPermission(permission: string): string {
  if (permission !== 'storage.objects.get') return permission;
  // https://cloud.google.com/storage/docs/xml-api/get-object: who may not list is told 403 of an object that is not there.
  return 'storage.objects.get, or storage.objects.list, without which Cloud Storage answers 403 for an object that does not exist,';
}

interface AuthFailure extends Error {
  readonly status?: number;
  readonly response?: { readonly status?: number; readonly data?: unknown };
}

/** For failures to get a token. The library's messages may quote the request, and with it a signed assertion: they are not handed on. */
export function explainIdentityError(error: unknown): Error {
  const { message, response } = error as AuthFailure;
  if (/default credentials|NO_ADC_FOUND/i.test(message)) {
    return new Error(
      'no Google credentials were found: give the machine a service account, set GOOGLE_APPLICATION_CREDENTIALS, or set keyfile in storage.gcs',
    );
  }
  const answer = response?.data as { error?: unknown; error_description?: unknown } | undefined;
  if (answer?.error === 'invalid_grant') {
    return new Error(
      `Google does not accept the credentials (invalid_grant: ${String(answer.error_description)}); check that the service account is there and enabled, that its key was not deleted, and the clock of this machine`,
    );
  }
  if (/DECODER|PEM|asymmetric key|private key/i.test(message)) {
    return new Error('the private_key of the service account cannot be read; copy it whole, with its line breaks');
  }
  const said = response?.status === undefined ? message : `status ${response.status}`;
  return new Error(
    `no access token was issued (${said}); check the service account of the machine and its way out to Google`,
  );
}

/** For failures of the IAM Credentials API: https://cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts/signBlob */
export function explainSigningError(error: unknown, email: string): Error {
  const { status, response } = error as AuthFailure;
  const said = `the IAM Credentials API answered ${response?.status ?? status ?? 'nothing'} to iam.serviceAccounts.signBlob`;
  const details = JSON.stringify(response?.data ?? '');
  if (/SERVICE_DISABLED|has not been used in project|it is disabled/.test(details)) {
    return new Error(
      `${said}: the API is not enabled; run gcloud services enable iamcredentials.googleapis.com, or set storage.redirect.disable`,
    );
  }
  if ((response?.status ?? status) === 403) {
    return new Error(
      `${said}: the service account ${email} is probably not allowed iam.serviceAccounts.signBlob on itself; grant it roles/iam.serviceAccountTokenCreator on itself, or set storage.redirect.disable`,
    );
  }
  return new Error(`${said}: no URL could be signed for ${email}; check the way out to iamcredentials.googleapis.com`);
}
