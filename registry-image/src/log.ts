import { randomUUID } from 'node:crypto';
import { type FastifyReply, type FastifyRequest, type FastifyServerOptions, LogController } from 'fastify';
import type { Config } from './config/schema.ts';

/** Names that a client or a proxy may give its request; anything else is not repeated in a log. */
const REQUEST_ID = /^[A-Za-z0-9][A-Za-z0-9._:@=+/-]{0,127}$/;

/** Query parameters that let whoever has them read or write: signatures of storage URLs, and the state of uploads. */
const SIGNATURES =
  /([?&](?:X-Amz-(?:Signature|Credential|Security-Token)|X-Goog-(?:Signature|Credential)|Signature|sig|temp_url_sig|_state)=)[^&\s"']+/gi;

/** Asked every few seconds by load balancers. */
const HEALTH_PATHS = new Set(['/livez', '/readyz', '/startupz']);

/**
 * Fastify's options for the log: one JSON object a line on standard output, with `time` (ISO 8601), `level`, `msg` and the
 * fields of the configuration on each. Header fields are never logged, so that no password or token is.
 */
export function loggerOptions(log: Config['log']) {
  return {
    logger: {
      level: log.level,
      base: log.fields,
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label: string) => ({ level: label }) },
      redact: {
        paths: ['authorization', 'cookie', 'headers.authorization', 'headers.cookie', 'password'],
        censor: '(hidden)',
      },
      serializers: {
        req: describeRequest,
        res: ({ statusCode }: { statusCode?: number }) => ({ status: statusCode }),
        err: describeError,
      },
    },
    logController: new AccessLog(log.accesslog.disabled),
  } satisfies FastifyServerOptions;
}

/** Fastify's options for `request.id`: the `X-Request-Id` of the request when it looks sane, or else a new one. */
export function requestIdOptions() {
  return {
    genReqId: (request: { headers: Record<string, string | string[] | undefined> }) => {
      const given = request.headers['x-request-id'];
      return typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID();
    },
  } satisfies FastifyServerOptions;
}

/** One line for each request, when its answer is sent; probes of health at level `debug`. */
class AccessLog extends LogController {
  constructor(disabled: boolean) {
    super({ disableRequestLogging: disabled, requestIdLogLabel: 'request_id' });
  }

  override incomingRequest(): void {}

  override routeNotFound(): void {}

  override requestCompleted(error: Error | null | undefined, request: FastifyRequest, reply: FastifyReply): void {
    if (this.isLogDisabled(request)) return;
    const bytes = Number(reply.getHeader('content-length'));
    const line = {
      ...describeRequest(request),
      status: reply.statusCode,
      ...(Number.isNaN(bytes) || request.method === 'HEAD' ? {} : { bytes }),
      duration_ms: Math.round(reply.elapsedTime * 10) / 10,
      ...named('user', request.access?.subject),
      ...named('delivery', request.delivery),
      ...named('repository', (request.params as { name?: string } | undefined)?.name),
    };
    if (error) request.log.warn({ ...line, err: error }, 'answer cut short');
    else if (HEALTH_PATHS.has(line.path)) request.log.debug(line, 'request');
    else request.log.info(line, 'request');
  }
}

function describeRequest(request: FastifyRequest) {
  // The path that was asked for, not the one that it was rewritten to for routing.
  const path = request.originalUrl.split('?', 1)[0] as string;
  return { method: request.method, path, client: request.ip };
}

function named(label: string, value: string | undefined) {
  return value === undefined || value === '' ? {} : { [label]: value };
}

interface ErrorLine {
  readonly [key: string]: unknown;
  readonly type: string;
  readonly message: string;
  readonly stack: string;
}

function describeError(error: Error & { code?: unknown }): ErrorLine {
  return {
    type: error.name,
    message: withoutSignatures(error.message),
    ...named('code', typeof error.code === 'string' ? error.code : undefined),
    stack: withoutSignatures(error.stack ?? ''),
    ...(error.cause instanceof Error ? { cause: describeError(error.cause) } : {}),
  };
}

function withoutSignatures(text: string): string {
  return text.replace(SIGNATURES, '$1(hidden)');
}
