import { type KeyObject, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { rootCertificates } from 'node:tls';
import { isIssuedBy } from '../keys/pem.ts';

/** A server's certificate file: its own certificate and then the intermediates. */
export type CertificateChain = readonly [X509Certificate, ...X509Certificate[]];

/** What keeps the chain from being served with the key; each says what is wrong and what to do. */
export function chainFaults(path: string, chain: CertificateChain, key?: KeyObject, host?: string): string[] {
  return [
    ...(key === undefined ? [] : keyFaults(path, chain, key)),
    ...dateFaults(path, chain),
    ...orderFaults(path, chain),
    ...(host === undefined || coversHost(chain[0], host) ? [] : [notCovered(path, chain[0], host)]),
  ];
}

/** Clients that do not have the issuer at hand refuse a certificate whose intermediates are missing. */
export function chainWarnings(path: string, chain: CertificateChain): string[] {
  const last = chain.at(-1) as X509Certificate;
  const { issuer, subject } = last;
  if (issuer === subject || publicAuthorityNames().has(issuer)) return [];
  return [
    `${path} ends with a certificate issued by "${oneLine(issuer)}", which is not in the file and is no public authority: clients need to have it already, or append it`,
  ];
}

function publicAuthorityNames(): ReadonlySet<string> {
  const names = new Set<string>();
  for (const pem of rootCertificates) names.add(new X509Certificate(pem).subject);
  return names;
}

function keyFaults(path: string, chain: CertificateChain, key: KeyObject): string[] {
  const position = chain.findIndex((certificate) => certificate.checkPrivateKey(key));
  if (position === 0) return [];
  if (position > 0) {
    return [
      `${path} has the certificate of the key in place ${position + 1}; the order is the server's certificate, then its intermediates`,
    ];
  }
  return [
    `${path} (${nameOf(chain[0])}) is not the certificate of the key of http.tls.key; give the pair that was issued together`,
  ];
}

function dateFaults(path: string, chain: CertificateChain): string[] {
  const now = Date.now();
  return chain.flatMap((certificate) => {
    const { validFromDate, validToDate } = certificate;
    if (now > validToDate.getTime()) {
      return [
        `${path}: the certificate of ${nameOf(certificate)} expired at ${validToDate.toISOString()}; put a renewed one in its place`,
      ];
    }
    if (now < validFromDate.getTime()) {
      return [
        `${path}: the certificate of ${nameOf(certificate)} is valid from ${validFromDate.toISOString()} only, now is ${new Date(now).toISOString()}; check the clock of this machine`,
      ];
    }
    return [];
  });
}

function orderFaults(path: string, chain: CertificateChain): string[] {
  return chain.slice(1).flatMap((issuer, index) => {
    const certificate = chain[index] as X509Certificate;
    if (isIssuedBy(certificate, issuer)) return [];
    return [
      `${path}: certificate ${index + 2} (${nameOf(issuer)}) did not issue certificate ${index + 1} (${nameOf(certificate)}, issued by "${oneLine(certificate.issuer)}"); the order is the server's certificate, then each one's issuer`,
    ];
  });
}

/** Wildcards stand for one whole label: https://www.rfc-editor.org/rfc/rfc6125#section-6.4.3. The common name is not looked at. */
export function coversHost(certificate: X509Certificate, host: string): boolean {
  if (isIP(host) !== 0) return certificate.checkIP(host) !== undefined;
  return certificate.checkHost(host, { subject: 'never', partialWildcards: false }) !== undefined;
}

function notCovered(path: string, certificate: X509Certificate, host: string): string {
  const wildcard = certificate.subjectAltName?.includes('*') ? ' (a wildcard stands for one label)' : '';
  return `${path} is not for the host ${host}; it is for ${certificate.subjectAltName ?? 'no host at all'}${wildcard}`;
}

function nameOf({ subject, subjectAltName }: X509Certificate): string {
  return subject ? `"${oneLine(subject)}"` : (subjectAltName ?? 'a certificate without a name');
}

/** Node prints each part of a name on a line of its own. */
function oneLine(name: string): string {
  return name.split('\n').join(', ');
}
