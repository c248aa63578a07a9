import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { RegistryError } from '../errors/registry-error.ts';

/** https://www.rfc-editor.org/rfc/rfc6749#section-5.2 */
type OAuthErrorCode = 'invalid_request' | 'invalid_grant' | 'unsupported_grant_type';

/** An error of the OAuth 2 form of the token endpoint; its status is 400. */
export class OAuthError extends RegistryError {
  readonly oauthCode: OAuthErrorCode;

  constructor(oauthCode: OAuthErrorCode, description: string) {
    super('BAD_REQUEST', { detail: description });
    this.name = 'OAuthError';
    this.oauthCode = oauthCode;
  }
}

/**
 * The body of RFC 6749 beside the registry's own: OAuth libraries look at the former, container clients print the latter.
 * What is no fault of the request is left to the server's error handler.
 */
export function sendOAuthError(error: FastifyError, _request: FastifyRequest, reply: FastifyReply) {
  const known = error instanceof RegistryError ? error : asRegistryError(error);
  if (known.status >= 500) throw known;
  const { code, message, detail, status, headers } = known;
  return reply
    .code(status)
    .headers(headers)
    .send({ error: oauthCodeOf(known), error_description: String(detail), errors: [{ code, message, detail }] });
}

function asRegistryError(error: FastifyError): RegistryError {
  if (error.statusCode === undefined || error.statusCode >= 500) throw error;
  return new RegistryError('BAD_REQUEST', { detail: error.message, cause: error });
}

function oauthCodeOf(error: RegistryError): OAuthErrorCode {
  if (error instanceof OAuthError) return error.oauthCode;
  return error.code === 'UNAUTHORIZED' ? 'invalid_grant' : 'invalid_request';
}
