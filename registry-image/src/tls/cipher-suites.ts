import { getCiphers } from 'node:tls';

const TLS_1_2_NAME =
  /^TLS_((?:ECDHE_)?(?:RSA|ECDSA))_WITH_(AES_(?:128|256)_(?:GCM|CBC)|CHACHA20_POLY1305)(?:_(SHA\d*))?$/;

/**
 * OpenSSL's name of a cipher suite. IANA's names, which distribution's configuration has (`TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256`),
 * are translated; those of TLS 1.3 are the same in both.
 *
 * @returns undefined when there is no such suite here, or only an outdated one
 */
export function opensslCipherName(name: string): string | undefined {
  const openssl = translate(name);
  return getCiphers().includes(openssl.toLowerCase()) ? openssl : undefined;
}

function translate(name: string): string {
  const match = TLS_1_2_NAME.exec(name);
  if (match === null) return name;
  const [, exchange = '', cipher = '', hash] = match;
  const parts = [
    // Plain RSA key exchange has no prefix in OpenSSL's names.
    exchange === 'RSA' ? '' : exchange.replace('_', '-'),
    cipher
      .replace(/^AES_(\d+)/, 'AES$1')
      .replace('_CBC', '')
      .replaceAll('_', '-'),
    cipher.startsWith('CHACHA20') ? '' : (hash ?? ''),
  ];
  return parts.filter((part) => part !== '').join('-');
}
