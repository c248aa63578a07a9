import type { S3Action, S3Dialect } from './s3-dialect.ts';

/** What identifies a failed call: what it asked for, and where it went. */
export interface S3Call {
  readonly action: S3Action;
  readonly bucket: string;
  readonly region: string;
  /** KMS key that objects are encrypted with. */
  readonly kmsKey: string | undefined;
}

interface S3Failure extends Error {
  readonly code?: string;
  readonly $metadata?: { readonly httpStatusCode?: number; readonly attempts?: number };
  readonly $response?: { readonly headers?: Readonly<Record<string, string>> };
}

/** https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#ErrorCodeList, those about the keys that a request is signed with. */
const KEY_FAULTS = ['AccountProblem', 'InvalidAccessKeyId', 'InvalidToken', 'SignatureDoesNotMatch'];

const EXPIRY_FAULTS = ['ExpiredToken', 'ExpiredTokenException', 'TokenRefreshRequired'];

const CLOCK_FAULTS = ['RequestTimeTooSkewed', 'RequestExpired', 'RequestInTheFuture'];

const THROTTLING_FAULTS = ['SlowDown', 'RequestLimitExceeded', 'Throttling', 'ThrottlingException', 'TooManyRequests'];

/** Of Node.js and OpenSSL: https://nodejs.org/api/tls.html#x509-certificate-error-codes */
const CERTIFICATE_FAULT = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|UNABLE_TO_GET_ISSUER/;

/** Whether S3 failed with one of these error codes. */
export function isS3Error(error: unknown, ...codes: readonly string[]): boolean {
  return codes.includes((error as Error).name);
}

/** Whether S3 said that an object does not exist; not so for a bucket or a multipart upload. */
export function isMissingObject(error: unknown): boolean {
  return statusOf(error) === 404 && !isS3Error(error, 'NoSuchBucket', 'NoSuchUpload');
}

/** Turns what S3 answers into what the operator can do about it; other failures stay as they are. */
export function explainS3Error(error: unknown, call: S3Call, dialect: S3Dialect): unknown {
  const failure = error as S3Failure;
  const help = statusOf(error) === undefined ? unansweredHelp(failure, dialect) : answerHelp(failure, call, dialect);
  return help === undefined ? error : new Error(help, { cause: error });
}

/** For a call that S3 has not answered at all. */
function unansweredHelp(error: S3Failure, dialect: S3Dialect): string | undefined {
  const { service, keys, machineIdentity } = dialect;
  const section = `storage.${dialect.driver}`;
  if (error.name === 'CredentialsProviderError') {
    return `no credentials for ${service} were found (${error.message}); give the machine an ${machineIdentity}, or set ${keys.accessKey} and ${keys.secretKey} in ${section}`;
  }
  if (error.code === undefined && error.name !== 'TimeoutError') return undefined;
  const unanswered = `${service} could not be reached${triesOf(error)}: ${error.message}`;
  if (CERTIFICATE_FAULT.test(error.code ?? '')) {
    return `${unanswered}; its certificate is not trusted here: give the CA that has signed it in NODE_EXTRA_CA_CERTS`;
  }
  return `${unanswered}; check ${section}.${keys.endpoint} and ${section}.region, and the way there: name servers, routes, firewalls, a VPC endpoint`;
}

function answerHelp(error: S3Failure, call: S3Call, dialect: S3Dialect): string | undefined {
  const status = statusOf(error) as number;
  const { service, keys, machineIdentity } = dialect;
  const section = `storage.${dialect.driver}`;
  // The answer to a HEAD request has no body, and so no code.
  const code = error.message === 'UnknownError' ? '' : ` ${error.name} (${error.message})`;
  const said = `${service} answered ${status}${code} to ${dialect.actionOf(call.action)}${triesOf(error)}`;
  if (isS3Error(error, 'NoSuchBucket')) {
    return `${said}: there is no bucket "${call.bucket}"; create it, or correct ${section}.bucket and ${section}.region (${call.region})`;
  }
  if (status === 301 || status === 307 || isS3Error(error, 'AuthorizationHeaderMalformed')) {
    return `${said}: the bucket "${call.bucket}" is not in ${call.region}; set ${section}.region to the region of the bucket`;
  }
  if (isS3Error(error, ...CLOCK_FAULTS)) return `${said}: ${clockHelp(error)}`;
  if (isS3Error(error, ...EXPIRY_FAULTS)) {
    const token = keys.sessionToken === undefined ? '' : ` with ${section}.${keys.sessionToken}`;
    return `${said}: the temporary credentials have expired; set new ones${token}, or leave out the keys so that the ${machineIdentity} is used, which renews itself`;
  }
  if (isS3Error(error, 'AccessControlListNotSupported')) {
    return `${said}: the bucket has ACLs disabled; remove ${section}.objectacl`;
  }
  if (status === 501) {
    return `${said}: the store does not know what was asked for; remove the options of ${section} that it does not have, such as ${dialect.optional}`;
  }
  if (status === 429 || isS3Error(error, ...THROTTLING_FAULTS)) {
    const limit = keys.rate === undefined ? '' : `, or a limit in ${section}.${keys.rate}`;
    return `${said}: more was asked for than the store gives; it takes less load${limit}`;
  }
  if (status >= 500) return `${said}: the store has failed, or what stands before it`;
  if (status !== 403) return undefined;
  if (isS3Error(error, ...KEY_FAULTS)) {
    return `${said}: the credentials are not accepted; check the ${machineIdentity} or ${section}.${keys.accessKey}, and the clock of this machine`;
  }
  return `${said}: the identity is probably not allowed ${missingPermissions(call, dialect)}; add it to its policy`;
}

function triesOf(error: S3Failure): string {
  const attempts = error.$metadata?.attempts ?? 1;
  return attempts === 1 ? '' : `, ${attempts} times`;
}

/** The answer says what time it is at the store. */
function clockHelp(error: S3Failure): string {
  const there = Date.parse(error.$response?.headers?.date ?? '');
  const seconds = Math.round((Date.now() - there) / 1000);
  const wrong = Number.isNaN(seconds)
    ? 'is wrong'
    : `is ${Math.abs(seconds)} seconds ${seconds > 0 ? 'ahead of' : 'behind'} that of the store`;
  return `the clock of this machine ${wrong}; let it be set by a time server (NTP)`;
}

function missingPermissions({ action, bucket, kmsKey }: S3Call, dialect: S3Dialect): string {
  const resource = dialect.resourceOf(bucket);
  const list = dialect.actionOf('s3:ListBucket');
  const permissions = [`${dialect.actionOf(action)} on ${action === 's3:ListBucket' ? resource : `${resource}/*`}`];
  if (action === 's3:GetObject') {
    // https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html, Permissions
    permissions.push(
      `${list} on ${resource}, without which ${dialect.service} answers 403 for an object that does not exist`,
    );
  }
  if (kmsKey !== undefined && action !== 's3:ListBucket') {
    permissions.push(`${dialect.keyServiceActions} on the key ${kmsKey}`);
  }
  return permissions.join(', or ');
}

function statusOf(error: unknown): number | undefined {
  return (error as S3Failure).$metadata?.httpStatusCode;
}
