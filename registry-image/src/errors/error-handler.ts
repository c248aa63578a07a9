import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { RegistryError } from './registry-error.ts';

/** The only place where an error becomes an answer: https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#error-codes */
export function handleErrors(app: FastifyInstance): void {
  app.setErrorHandler((error, request, reply) => {
    const registryError = toRegistryError(error as FastifyError);
    if (registryError.status >= 500) request.log.error({ err: error }, 'request failed');
    else request.log.debug({ err: error }, 'request refused');
    return sendError(registryError, request, reply);
  });
  app.setNotFoundHandler((request, reply) =>
    sendError(
      new RegistryError('NOT_FOUND', {
        detail: `${request.method} ${request.raw.url?.split('?')[0]} is not an endpoint of this registry`,
      }),
      request,
      reply,
    ),
  );
}

function toRegistryError(error: FastifyError): RegistryError {
  if (error instanceof RegistryError) return error;
  if (error.statusCode !== undefined && error.statusCode < 500) {
    return new RegistryError('BAD_REQUEST', { detail: error.message, cause: error });
  }
  return new RegistryError('UNKNOWN', { cause: error });
}

function sendError(error: RegistryError, request: FastifyRequest, reply: FastifyReply) {
  const { code, message, detail, status, headers } = error;
  // What is left of the body is read and dropped; the client may be waiting to send it before it looks at the answer.
  request.raw.resume();
  return reply
    .code(status)
    .headers(headers)
    .type('application/json; charset=utf-8')
    .send({ errors: [{ code, message, detail: detail ?? { request_id: request.id } }] });
}
