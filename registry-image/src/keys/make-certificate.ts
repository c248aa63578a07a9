import 'reflect-metadata';
import { createPublicKey, type KeyObject, randomBytes, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import * as x509 from '@peculiar/x509';

const DAY = 24 * 60 * 60 * 1000;
/** Certificates begin in the past by this much, for clients whose clock is behind. */
const BACKDATE = 60 * 60 * 1000;

/** Who signs a certificate, and with which key. */
export interface Issuer {
  readonly certificate: X509Certificate;
  readonly privateKey: KeyObject;
}

export interface CertificateProps {
  /** Becomes the common name; at most 64 characters (RFC 5280, ub-common-name). */
  readonly commonName: string;
  /** The key that the certificate is for. */
  readonly privateKey: KeyObject;
  readonly days: number;
  /**
   * - `authority`: signs other certificates
   * - `server`: for TLS, with the hosts of `hosts`
   * - `token`: for signatures of tokens
   */
  readonly purpose: 'authority' | 'server' | 'token';
  /** Host names and IP addresses; only for `server`. */
  readonly hosts?: readonly string[];
  /** @default - the certificate signs itself */
  readonly issuer?: Issuer;
}

/**
 * Makes an X.509 certificate after RFC 5280. It never outlives its issuer.
 *
 * The authority key identifier is the bare key id, so that certificates stay good when their authority's certificate is renewed
 * with the same key.
 */
export async function makeCertificate(props: CertificateProps): Promise<X509Certificate> {
  const issuerKey = props.issuer?.privateKey ?? props.privateKey;
  const publicKey = toWebCrypto(createPublicKey(props.privateKey), 'verify');
  const issuerPublicKey = toWebCrypto(createPublicKey(issuerKey), 'verify');
  const notBefore = new Date(Date.now() - BACKDATE);
  const wanted = notBefore.getTime() + props.days * DAY;
  const limit = props.issuer?.certificate.validToDate.getTime() ?? Number.POSITIVE_INFINITY;

  const certificate = await x509.X509CertificateGenerator.create({
    // Positive and 16 bytes long: https://www.rfc-editor.org/rfc/rfc5280#section-4.1.2.2
    serialNumber: `01${randomBytes(15).toString('hex')}`,
    subject: [{ CN: [props.commonName] }],
    issuer: props.issuer ? subjectOf(props.issuer.certificate) : [{ CN: [props.commonName] }],
    notBefore,
    notAfter: new Date(Math.min(wanted, limit)),
    publicKey,
    signingKey: toWebCrypto(issuerKey, 'sign'),
    extensions: [
      ...extensionsFor(props),
      await x509.SubjectKeyIdentifierExtension.create(publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(issuerPublicKey),
    ],
  });
  return new X509Certificate(certificate.toString('pem'));
}

function extensionsFor({ purpose, hosts = [] }: CertificateProps): x509.Extension[] {
  if (purpose === 'authority') {
    return [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
    ];
  }
  const common = [
    new x509.BasicConstraintsExtension(false, undefined, true),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
  ];
  if (purpose === 'token') return common;
  return [
    ...common,
    new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
    new x509.SubjectAlternativeNameExtension(
      hosts.map((host) => ({ type: isIP(host) === 0 ? ('dns' as const) : ('ip' as const), value: host })),
    ),
  ];
}

/** The subject byte for byte: an issuer name must equal it exactly. */
function subjectOf(certificate: X509Certificate): x509.Name {
  return new x509.X509Certificate(certificate.raw).subjectName;
}

function toWebCrypto(key: KeyObject, usage: 'sign' | 'verify') {
  const algorithm =
    key.asymmetricKeyType === 'ec'
      ? { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
      : { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' };
  return key.toCryptoKey(algorithm, true, [usage]);
}
