/** What identifies a failed call: its IAM action and where it went. */
export interface S3Call {
  /** IAM action, such as `s3:GetObject`. */
  readonly action: string;
  readonly bucket: string;
  readonly region: string;
  /** KMS key that objects are encrypted with. */
  readonly kmsKey: string | undefined;
}

interface S3Failure extends Error {
  readonly $metadata?: { readonly httpStatusCode?: number };
}

/** https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#ErrorCodeList, those of status 403 that are about the caller. */
const CREDENTIAL_FAULTS = [
  'AccountProblem',
  'ExpiredToken',
  'InvalidAccessKeyId',
  'InvalidToken',
  'RequestTimeTooSkewed',
  'SignatureDoesNotMatch',
];

/** Whether S3 failed with one of these error codes. */
export function isS3Error(error: unknown, ...codes: readonly string[]): boolean {
  return codes.includes((error as Error).name);
}

/** Whether S3 said that an object does not exist; not so for a bucket or a multipart upload. */
export function isMissingObject(error: unknown): boolean {
  return statusOf(error) === 404 && !isS3Error(error, 'NoSuchBucket', 'NoSuchUpload');
}

/** Turns what S3 answers into what the operator can do about it; other failures stay as they are. */
export function explainS3Error(error: unknown, call: S3Call): unknown {
  const help = helpFor(error as S3Failure, call);
  return help === undefined ? error : new Error(help, { cause: error });
}

function helpFor(error: S3Failure, { action, bucket, region, kmsKey }: S3Call): string | undefined {
  const status = statusOf(error);
  // The answer to a HEAD request has no body, and so no code.
  const code = error.message === 'UnknownError' ? '' : ` ${error.name} (${error.message})`;
  const said = `S3 answered ${status}${code} to ${action}`;
  if (error.name === 'CredentialsProviderError') {
    return `no AWS credentials were found (${error.message}); give the machine an instance role, or set accesskey and secretkey in storage.s3`;
  }
  if (error.name === 'NoSuchBucket') {
    return `${said}: there is no bucket "${bucket}"; create it, or correct storage.s3.bucket and storage.s3.region (${region})`;
  }
  if (status === 301 || status === 307) {
    return `${said}: the bucket "${bucket}" is not in ${region}; set storage.s3.region to the region of the bucket`;
  }
  if (status !== 403) return undefined;
  if (CREDENTIAL_FAULTS.includes(error.name)) {
    return `${said}: the credentials are not accepted; check the instance role or storage.s3.accesskey, and the clock of this machine`;
  }
  return `${said}: the identity is probably not allowed ${missingPermissions(action, bucket, kmsKey)}; add it to its policy`;
}

function missingPermissions(action: string, bucket: string, kmsKey: string | undefined): string {
  const resource = action === 's3:ListBucket' ? `arn:aws:s3:::${bucket}` : `arn:aws:s3:::${bucket}/*`;
  const permissions = [`${action} on ${resource}`];
  if (action === 's3:GetObject') {
    // https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html, Permissions
    permissions.push(
      `s3:ListBucket on arn:aws:s3:::${bucket}, without which S3 answers 403 for an object that does not exist`,
    );
  }
  if (kmsKey !== undefined && action !== 's3:ListBucket') {
    permissions.push(`kms:GenerateDataKey and kms:Decrypt on the key ${kmsKey}`);
  }
  return permissions.join(', or ');
}

function statusOf(error: unknown): number | undefined {
  return (error as S3Failure).$metadata?.httpStatusCode;
}
