import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import type { S3Options } from './s3-bucket.ts';
import { logCalls } from './s3-calls.ts';
import { S3Rate } from './s3-rate.ts';
import { S3Retries } from './s3-retries.ts';

/** Times that calls to S3 are given, in milliseconds; tests shorten them. */
export interface S3TimeLimits {
  /** For a connection to be made. */
  readonly connectMs: number;
  /** That a connection may be silent while something is waited for. */
  readonly idleMs: number;
  /** The longest pause before the first repetition of a call; each one after it is up to twice as long. */
  readonly firstPauseMs: number;
}

export const S3_TIME_LIMITS: S3TimeLimits = { connectMs: 5000, idleMs: 30_000, firstPauseMs: 200 };

/** Each download that passes through this process holds a connection as long as its client takes; the SDK's 50 would queue them. */
const MAX_CONNECTIONS = 500;

/** @param overrides what the options do not have, such as a request handler or another source of credentials */
export function createS3Client(
  options: S3Options,
  limits: S3TimeLimits = S3_TIME_LIMITS,
  overrides: S3ClientConfig = {},
): S3Client {
  const client = new S3Client({
    region: options.region,
    ...endpointOf(options),
    ...credentialsOf(options),
    // What it says of itself in a header; the strategy decides.
    maxAttempts: options.maxretries + 1,
    retryStrategy: new S3Retries(options.maxretries, limits.firstPauseMs),
    // Checksums of the SDK's own come in trailers that many S3-compatible stores refuse or store as data. The signature covers
    // the hash of every body that is sent.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    // Waiting for leave to send each part costs a round trip and, in the SDK, a connection of its own.
    expectContinueHeader: false,
    ...(options.useragent !== undefined && { customUserAgent: options.useragent }),
    ...overrides,
    requestHandler: {
      connectionTimeout: limits.connectMs,
      socketTimeout: limits.idleMs,
      httpAgent: { keepAlive: true, maxSockets: MAX_CONNECTIONS },
      httpsAgent: { keepAlive: true, maxSockets: MAX_CONNECTIONS },
      ...overrides.requestHandler,
    },
  });
  if (options.maxrequestspersecond !== undefined) limitRate(client, options.maxrequestspersecond);
  if (options.loglevel !== 'off') logCalls(client);
  return client;
}

/**
 * A client that signs URLs and sends nothing. They name `redirectendpoint` where there is one: the name of the host is part of the
 * signature, so that it cannot be replaced later.
 */
export function createSigner(options: S3Options, client: S3Client): S3Client {
  const { redirectendpoint } = options;
  if (redirectendpoint === undefined) return client;
  return new S3Client({
    region: options.region,
    endpoint: redirectendpoint,
    forcePathStyle: options.forcepathstyle,
    responseChecksumValidation: 'WHEN_REQUIRED',
    // What the other one has found already.
    credentials: client.config.credentials,
  });
}

function endpointOf({ regionendpoint, forcepathstyle, accelerate, usedualstack, usefipsendpoint }: S3Options) {
  return {
    forcePathStyle: forcepathstyle,
    useAccelerateEndpoint: accelerate,
    ...(regionendpoint !== undefined && { endpoint: regionendpoint }),
    // Left out, the environment and the shared file may still ask for these.
    ...(usedualstack && { useDualstackEndpoint: true }),
    ...(usefipsendpoint && { useFipsEndpoint: true }),
  } satisfies S3ClientConfig;
}

function credentialsOf({ accesskey, secretkey, sessiontoken }: S3Options): S3ClientConfig {
  // Left out: the SDK looks for the identity of the machine, and renews it.
  if (accesskey === undefined || secretkey === undefined) return {};
  const keys = { accessKeyId: accesskey, secretAccessKey: secretkey };
  return { credentials: sessiontoken === undefined ? keys : { ...keys, sessionToken: sessiontoken } };
}

/** Repetitions count as calls: they are what a store that is short of breath has to be kept from. */
function limitRate(client: S3Client, perSecond: number): void {
  const rate = new S3Rate(perSecond);
  client.middlewareStack.add(
    (next) => async (args) => {
      await rate.wait();
      return next(args);
    },
    { step: 'finalizeRequest', priority: 'low', name: 'limitRate' },
  );
}
