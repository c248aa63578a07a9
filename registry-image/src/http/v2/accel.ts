import type { FastifyRequest } from 'fastify';
import type { Config } from '../../config/schema.ts';

/** Conditions that nginx would judge by its own idea of the file. */
const JUDGED_BY_NGINX = ['if-match', 'if-modified-since', 'if-unmodified-since'] as const;

/**
 * `http.accelredirect`: whether nginx in front is to send the bytes of a blob, from its file and by sendfile.
 *
 * nginx says that it can by `X-Sendfile-Type: X-Accel-Redirect`, which its site sets on every request (docs/reverse-proxy.md), and
 * which is seen of trusted proxies alone (forwarded-headers.ts): whoever comes here directly never gets an answer without its bytes.
 */
export function leavesByNginx(
  { headers }: FastifyRequest,
  size: number,
  settings: Config['http']['accelredirect'],
): settings is NonNullable<Config['http']['accelredirect']> {
  return (
    settings !== undefined &&
    size >= settings.minsize &&
    headers['x-sendfile-type'] === 'X-Accel-Redirect' &&
    JUDGED_BY_NGINX.every((name) => headers[name] === undefined)
  );
}

/** The value of `X-Accel-Redirect`, which nginx decodes as a path of a request: https://nginx.org/en/docs/http/ngx_http_core_module.html#internal */
export function accelPath(prefix: string, filePath: string): string {
  return `${prefix}${filePath.split('/').map(encodeURIComponent).join('/')}`;
}
