import type { S3Client } from '@aws-sdk/client-s3';
import { STORAGE_CALLS, type StorageCall } from './storage-calls.ts';

interface Metadata {
  readonly httpStatusCode?: number;
  readonly attempts?: number;
}

/** Tells of every call of a client when it has ended, its repetitions included. */
export function logCalls(client: S3Client): void {
  client.middlewareStack.add(
    (next, { commandName = '' }) =>
      async (args) => {
        const start = performance.now();
        const publish = (metadata: Metadata | undefined, error?: string) => {
          const object = 'Key' in args.input ? args.input.Key : undefined;
          STORAGE_CALLS.publish({
            driver: 's3',
            call: commandName.replace(/Command$/, ''),
            ...(object !== undefined && { object }),
            ...(metadata?.httpStatusCode !== undefined && { status: metadata.httpStatusCode }),
            ...(metadata?.attempts !== undefined && { attempts: metadata.attempts }),
            duration_ms: Math.round((performance.now() - start) * 10) / 10,
            ...(error !== undefined && { error }),
          } satisfies StorageCall);
        };
        try {
          const result = await next(args);
          publish(result.output.$metadata);
          return result;
        } catch (error) {
          const { name, message, $metadata } = error as Error & { readonly $metadata?: Metadata };
          publish($metadata, message === 'UnknownError' ? name : `${name}: ${message}`);
          throw error;
        }
      },
    { step: 'initialize', name: 'logCalls' },
  );
}
