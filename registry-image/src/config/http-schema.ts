import { z } from 'zod';
import { absolutePath, duration, httpUrl, listenAddress } from './values.ts';

const HOST = /^(?=.{1,253}$)[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?(\.[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?)*$/;

const tls = z
  .strictObject({
    /** PEM: the server's certificate, then its intermediates. */
    certificate: absolutePath().optional(),
    /** PEM; readable by its owner alone. */
    key: absolutePath().optional(),
    /** PEM bundles of the authorities whose client certificates are asked for and checked. */
    clientcas: z.array(absolutePath()).default([]),
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
        hosts: z.array(z.string().min(1)).min(1, 'needs at least one host name or address'),
      })
      .optional(),
  })
  .superRefine((options, context) => {
    const given = options.certificate !== undefined || options.key !== undefined;
    if (given && options.selfsigned !== undefined) {
      context.addIssue({ code: 'custom', path: ['selfsigned'], message: 'cannot stand beside certificate and key' });
    } else if (given && (options.certificate === undefined || options.key === undefined)) {
      context.addIssue({ code: 'custom', message: 'certificate and key go together' });
    } else if (!given && options.selfsigned === undefined) {
      context.addIssue({ code: 'custom', message: 'needs certificate and key, or selfsigned' });
    }
  });

/** `http`: https://distribution.github.io/distribution/about/configuration/#http */
export const httpSchema = z
  .strictObject({
    addr: listenAddress().prefault(':5000'),
    net: z.enum(['tcp'], { error: 'must be tcp; unix sockets are not served' }).default('tcp'),
    prefix: z.enum(['/'], { error: 'must be /; the registry is served at the root of its host' }).default('/'),
    /** The URL that clients use; set, it is put in front of every Location. Left out: Location is a path. */
    host: httpUrl().optional(),
    /** Signs the state of uploads in progress; the same on every machine. Left out: made on first start. */
    secret: z.string().min(16, 'must have at least 16 characters').optional(),
    relativeurls: z.boolean().default(false),
    /** How long running requests may take to finish after SIGTERM. */
    draintimeout: duration({ max: '1h' }).prefault('30s'),
    tls: tls.optional(),
    headers: z.record(z.string(), z.array(z.string())).default({ 'X-Content-Type-Options': ['nosniff'] }),
    debug: z
      .strictObject({
        addr: listenAddress(),
        prometheus: z
          .strictObject({ enabled: z.boolean().default(false), path: z.string().startsWith('/').default('/metrics') })
          .prefault({}),
      })
      .optional(),
    http2: z.strictObject({ disabled: z.boolean().default(false) }).optional(),
    h2c: z.strictObject({ enabled: z.boolean().default(false) }).optional(),
  })
  .superRefine((http, context) => {
    if (http.debug !== undefined && http.debug.addr.port === http.addr.port) {
      context.addIssue({
        code: 'custom',
        path: ['debug', 'addr'],
        message: `port ${http.addr.port} is taken by http.addr; choose another port`,
      });
    }
    for (const [index, host] of (http.tls?.selfsigned?.hosts ?? []).entries()) {
      if (!HOST.test(host) && !/^[0-9a-fA-F:.]+$/.test(host)) {
        context.addIssue({
          code: 'custom',
          path: ['tls', 'selfsigned', 'hosts', index],
          message: 'must be a host name or an IP address',
        });
      }
    }
  });
