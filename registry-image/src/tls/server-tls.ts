import type { KeyObject } from 'node:crypto';
import type { SecureContextOptions } from 'node:tls';
import type { Config } from '../config/schema.ts';
import { ConfigurationError, type ConfigurationFault } from '../errors/configuration-error.ts';
import { readCertificates } from '../keys/pem.ts';
import { KeyFileError, readPrivateKey } from '../keys/private-key.ts';
import { type CertificateChain, chainFaults, chainWarnings } from './certificate-faults.ts';
import { opensslCipherName } from './cipher-suites.ts';
import { keepSelfSigned } from './self-signed.ts';

export type TlsSettings = NonNullable<Config['http']['tls']>;

/** Options of https.createServer. */
export interface ServerTlsOptions extends SecureContextOptions {
  readonly cert: string;
  readonly key: string;
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3';
  /** Client certificates are asked for, and a connection without a good one is refused. */
  readonly requestCert: boolean;
  readonly rejectUnauthorized: boolean;
}

export interface ServerTls {
  readonly options: ServerTlsOptions;
  /** File of the authority that clients are to trust; only with `selfsigned`. */
  readonly caFile?: string;
  /** What an operator should know, though the server can run. */
  readonly warnings: readonly string[];
}

interface CertificateFiles {
  readonly certificate: string;
  readonly key: string;
  readonly authority?: string;
  /** Configuration keys that faults of the two files are reported under. */
  readonly paths: { readonly certificate: string; readonly key: string };
}

/**
 * Loads the certificate and key of `http.tls`, or makes them with `selfsigned`, and checks that they can be served.
 *
 * @param externalHost host name or address that clients call, which the certificate must be for; left out: not checked
 * @throws ConfigurationError with every fault of every file
 */
export async function loadServerTls(tls: TlsSettings, externalHost?: string): Promise<ServerTls> {
  const faults: ConfigurationFault[] = [];
  const attempt = async <Result>(path: string, action: () => Promise<Result>): Promise<Result | undefined> => {
    try {
      return await action();
    } catch (error) {
      if (!(error instanceof KeyFileError)) throw error;
      faults.push({ path, message: error.message });
      return undefined;
    }
  };

  const files = await attempt('http.tls.selfsigned.directory', () => certificateFiles(tls));
  const key = files && (await attempt(files.paths.key, () => readPrivateKey(files.key)));
  const chain = files && (await attempt(files.paths.certificate, () => readCertificates(files.certificate)));
  if (files !== undefined && chain !== undefined) {
    const messages = chainFaults(files.certificate, chain, key, externalHost?.replace(/^\[|\]$/g, ''));
    faults.push(...messages.map((message) => ({ path: files.paths.certificate, message })));
  }
  const clientAuthorities: string[] = [];
  for (const [index, path] of tls.clientcas.entries()) {
    const certificates = await attempt(`http.tls.clientcas.${index}`, () => readCertificates(path));
    clientAuthorities.push(...(certificates ?? []).map(String));
  }
  const ciphers = tls.ciphersuites.map((name) => opensslCipherName(name) ?? { unknown: name });
  faults.push(...cipherFaults(ciphers));

  if (faults.length > 0 || files === undefined || key === undefined || chain === undefined) {
    throw new ConfigurationError('the TLS configuration', faults);
  }
  return {
    options: toServerOptions(tls, key, chain, clientAuthorities, ciphers.map(String)),
    ...(files.authority !== undefined && { caFile: files.authority }),
    warnings: files.authority === undefined ? chainWarnings(files.certificate, chain) : [],
  };
}

async function certificateFiles({ certificate, key, selfsigned }: TlsSettings): Promise<CertificateFiles> {
  if (selfsigned !== undefined) {
    const path = 'http.tls.selfsigned.hosts';
    const files = await keepSelfSigned(selfsigned.directory, selfsigned.hosts);
    return { ...files, paths: { certificate: path, key: path } };
  }
  if (certificate === undefined || key === undefined)
    throw new Error('http.tls has no certificate; its schema asks for one');
  return { certificate, key, paths: { certificate: 'http.tls.certificate', key: 'http.tls.key' } };
}

function cipherFaults(ciphers: readonly (string | { unknown: string })[]): ConfigurationFault[] {
  return ciphers.flatMap((cipher, index) =>
    typeof cipher === 'string'
      ? []
      : [
          {
            path: `http.tls.ciphersuites.${index}`,
            message: `"${cipher.unknown}" is no cipher suite of this server; allowed are OpenSSL's and IANA's names, such as TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256`,
          },
        ],
  );
}

function toServerOptions(
  tls: TlsSettings,
  key: KeyObject,
  chain: CertificateChain,
  clientAuthorities: readonly string[],
  ciphers: readonly string[],
): ServerTlsOptions {
  const withClientCertificates = clientAuthorities.length > 0;
  return {
    cert: chain.map(String).join(''),
    key: key.export({ type: 'pkcs8', format: 'pem' }) as string,
    minVersion: tls.minimumtls === 'tls1.3' ? 'TLSv1.3' : 'TLSv1.2',
    requestCert: withClientCertificates,
    rejectUnauthorized: withClientCertificates,
    ...(withClientCertificates && { ca: [...clientAuthorities] }),
    ...(ciphers.length > 0 && { ciphers: ciphers.join(':'), honorCipherOrder: true }),
  };
}
