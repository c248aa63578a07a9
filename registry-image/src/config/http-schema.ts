import { z } from 'zod';
import { networkOfProxies } from './networks.ts';
import { absolutePath, duration, httpUrl, listenAddress, notServed, only, reads } from './values.ts';

const HOST_OR_ADDRESS =
  /^(?:(?=.{1,253}$)[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*|[0-9a-fA-F:.]+)$/;

const tls = z
  .strictObject({
    /** PEM: the server's certificate, then its intermediates. */
    certificate: absolutePath().optional(),
    /** PEM; readable by its owner alone. */
    key: absolutePath().optional(),
    /** PEM bundles of the authorities whose client certificates are asked for and checked. */
    clientcas: z.array(absolutePath()).default([]),
    clientauth: only(
      'require-and-verify-client-cert',
      'must be require-and-verify-client-cert, which is what clientcas does; weaker modes are not served',
    ),
    minimumtls: z
      .enum(['tls1.2', 'tls1.3'], { error: 'must be tls1.2 or tls1.3; older versions are not served' })
      .default('tls1.2'),
    /** OpenSSL's or IANA's names; left out: Node's own list. */
    ciphersuites: z.array(z.string()).default([]),
    /** A CA and a server certificate, made on first start and kept in `directory`. Ours, not distribution's. */
    selfsigned: z
      .strictObject({
        directory: absolutePath(),
        /** Host names and addresses that the certificate is for. */
        hosts: z
          .array(z.string().regex(HOST_OR_ADDRESS, 'must be a host name or an IP address'))
          .min(1, 'needs at least one host name or address'),
      })
      .optional(),
    letsencrypt: notServed(
      'is not served; set certificate and key to the files of an ACME client such as certbot, whose renewals are noticed',
    ),
  })
  .superRefine(
    (options, context) => {
      const given = options.certificate !== undefined || options.key !== undefined;
      if (given && options.selfsigned !== undefined) {
        context.addIssue({
          code: 'custom',
          path: ['selfsigned'],
          message: 'cannot stand beside certificate and key; remove one of them',
        });
      } else if (given && (options.certificate === undefined || options.key === undefined)) {
        context.addIssue({
          code: 'custom',
          path: [options.certificate === undefined ? 'certificate' : 'key'],
          message: 'is missing: certificate and key go together',
        });
      } else if (!given && options.selfsigned === undefined) {
        context.addIssue({ code: 'custom', message: 'needs certificate and key, or selfsigned' });
      }
    },
    reads('certificate', 'key', 'selfsigned', 'letsencrypt'),
  );

/** Blobs that nginx in front sends by itself, told by `X-Accel-Redirect`: https://nginx.org/en/docs/http/ngx_http_proxy_module.html */
const accelredirect = z.strictObject({
  /** Path of nginx's `internal` location over the directory of the filesystem driver. */
  prefix: z
    .string()
    .regex(/^(?:\/[A-Za-z0-9._~-]+)+\/$/, 'must be a path that starts and ends with /, such as /_blobs/')
    .refine((prefix) => !prefix.startsWith('/v2/'), 'cannot be below /v2/, which is the API')
    .default('/_blobs/'),
  /** Bytes; smaller blobs are answered directly, up to this size from memory (registry/content-cache.ts). */
  minsize: z
    .int()
    .min(1)
    .default(64 * 1024),
});

/** `http`: https://distribution.github.io/distribution/about/configuration/#http */
export const httpSchema = z
  .strictObject({
    addr: listenAddress().prefault(':5000'),
    net: z.enum(['tcp'], { error: 'must be tcp; unix sockets are not served' }).default('tcp'),
    prefix: z.enum(['/'], { error: 'must be /; the registry is served at the root of its host' }).default('/'),
    /** Processes that answer requests on the one port. `auto`: one for each core, at most 8; 1 where the index is in memory. */
    processes: z
      .union([z.literal('auto'), z.int().min(1).max(64)], { error: 'must be auto, or a number from 1 to 64' })
      .default('auto'),
    /** The URL that clients use; set, it is put in front of every Location. Left out: Location is a path. */
    host: httpUrl().optional(),
    /** Signs what distribution lets clients keep of their uploads; nothing here does. */
    secret: z.string().min(1).optional(),
    relativeurls: z.boolean().default(false),
    /** How long running requests may take to finish after SIGTERM. */
    draintimeout: duration({ max: '1h' }).prefault('30s'),
    tls: tls.optional(),
    /** Proxies whose X-Forwarded-For, -Proto and -Host are believed; nobody else's are. Ours. */
    trustedproxies: z.array(networkOfProxies()).default([]),
    /** Ours. */
    accelredirect: accelredirect.optional(),
    headers: z.record(z.string(), z.array(z.string())).default({ 'X-Content-Type-Options': ['nosniff'] }),
    debug: z
      .strictObject({
        addr: listenAddress(),
        prometheus: z
          .strictObject({ enabled: z.boolean().default(false), path: z.string().startsWith('/').default('/metrics') })
          .prefault({}),
        pprof: z.unknown().optional(),
        tls: z.unknown().optional(),
      })
      .optional(),
    http2: z.strictObject({ disabled: z.boolean().default(false) }).optional(),
    h2c: z.strictObject({ enabled: z.boolean().default(false) }).optional(),
  })
  .superRefine(
    (http, context) => {
      const port = http.debug?.addr.port;
      if (port !== undefined && port !== 0 && port === http.addr.port) {
        context.addIssue({
          code: 'custom',
          path: ['debug', 'addr'],
          message: `port ${port} is taken by http.addr; choose another port`,
        });
      }
    },
    reads('addr', 'debug.addr'),
  )
  .refine((http) => http.accelredirect === undefined || http.trustedproxies.length > 0, {
    ...reads('accelredirect', 'trustedproxies'),
    path: ['accelredirect'],
    error:
      'needs trustedproxies: an answer without its bytes is for nginx alone; write the address that nginx connects from, such as 127.0.0.1',
  });
