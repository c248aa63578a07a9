import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import type { S3Options } from './s3-bucket.ts';
import { S3Retries } from './s3-retries.ts';

/** Times that calls to S3 are given, in milliseconds; tests shorten them. */
export interface S3TimeLimits {
  /** For a connection to be made. */
  readonly connectMs: number;
  /** That a connection may be silent while an answer is waited for. */
  readonly idleMs: number;
  /** The longest pause before the first repetition of a call; each one after it is up to twice as long. */
  readonly firstPauseMs: number;
}

export const S3_TIME_LIMITS: S3TimeLimits = { connectMs: 5000, idleMs: 30_000, firstPauseMs: 200 };

/** Each download that passes through this process holds a connection as long as its client takes; the SDK's 50 would queue them. */
const MAX_CONNECTIONS = 500;

/** Tries of one call, with back-off in between. Bodies are buffered, so that a call can be sent again. */
const MAX_ATTEMPTS = 6;

/** @param overrides what the options do not have, such as a request handler */
export function createS3Client(
  options: S3Options,
  limits: S3TimeLimits = S3_TIME_LIMITS,
  overrides: S3ClientConfig = {},
): S3Client {
  const { accesskey, secretkey, sessiontoken, regionendpoint } = options;
  return new S3Client({
    region: options.region,
    forcePathStyle: options.forcepathstyle,
    retryStrategy: new S3Retries(MAX_ATTEMPTS, limits.firstPauseMs),
    // Checksums of the SDK's own come in trailers that many S3-compatible stores refuse or store as data. The signature covers
    // the hash of every body that is sent.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    // Waiting for leave to send each part costs a round trip and, in the SDK, a connection of its own.
    expectContinueHeader: false,
    ...(regionendpoint !== undefined && { endpoint: regionendpoint }),
    ...(accesskey !== undefined &&
      secretkey !== undefined && {
        credentials: {
          accessKeyId: accesskey,
          secretAccessKey: secretkey,
          ...(sessiontoken !== undefined && { sessionToken: sessiontoken }),
        },
      }),
    ...overrides,
    requestHandler: {
      connectionTimeout: limits.connectMs,
      socketTimeout: limits.idleMs,
      httpAgent: { keepAlive: true, maxSockets: MAX_CONNECTIONS },
      httpsAgent: { keepAlive: true, maxSockets: MAX_CONNECTIONS },
      ...overrides.requestHandler,
    },
  });
}
