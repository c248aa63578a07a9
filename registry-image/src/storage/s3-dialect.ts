/** What the driver asks for, by the names of AWS: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html */
export type S3Action =
  | 's3:AbortMultipartUpload'
  | 's3:DeleteObject'
  | 's3:GetObject'
  | 's3:ListBucket'
  | 's3:PutObject';

/** The words of a provider whose store speaks the protocol of S3, for what an operator reads. */
export interface S3Dialect {
  /** Name of the driver. */
  readonly driver: 's3' | 'oss';
  /** Name of the service in sentences. */
  readonly service: string;
  /** Keys of the section `storage.<driver>` that sentences name. */
  readonly keys: {
    readonly accessKey: string;
    readonly secretKey: string;
    readonly endpoint: string;
    readonly sessionToken: string | undefined;
    /** Limits calls. */
    readonly rate: string | undefined;
  };
  /** Keys of the section for which not every store has something, in words. */
  readonly optional: string;
  /** What a machine is given so that it needs no keys. */
  readonly machineIdentity: string;
  actionOf(action: S3Action): string;
  /** How policies name the bucket, and with `/*` its objects. */
  resourceOf(bucket: string): string;
  /** Rights on a key of the provider's key service, for objects encrypted with it. */
  readonly keyServiceActions: string;
}

export const AWS: S3Dialect = {
  driver: 's3',
  service: 'S3',
  keys: {
    accessKey: 'accesskey',
    secretKey: 'secretkey',
    endpoint: 'regionendpoint',
    sessionToken: 'sessiontoken',
    rate: 'maxrequestspersecond',
  },
  optional: 'storageclass, encrypt, objectacl or checksum_algorithm',
  machineIdentity: 'instance role',
  actionOf: (action) => action,
  resourceOf: (bucket) => `arn:aws:s3:::${bucket}`,
  keyServiceActions: 'kms:GenerateDataKey and kms:Decrypt',
};
