import http from 'node:http';
import https from 'node:https';

/** Media types that are asked for, as clients do; docker-registry keeps OCI manifests from who does not name them. */
export const ACCEPT = 'application/vnd.oci.image.manifest.v1+json';

/**
 * One GET, for what has to be right before anything is measured.
 *
 * @param authorization value of the header
 * @throws Error for any status but 200, with the answer
 */
export function httpGet(url: string, authorization: string): Promise<string> {
  const { get } = url.startsWith('https:') ? https : http;
  // Who answers is known; the certificate is not checked.
  const options = {
    agent: false,
    rejectUnauthorized: false,
    headers: { Authorization: authorization, Accept: ACCEPT },
  } as https.RequestOptions;
  return new Promise((resolve, reject) => {
    get(url, options, async (response) => {
      const text = (await response.toArray()).join('');
      if (response.statusCode === 200) resolve(text);
      else reject(new Error(`GET ${url}: ${response.statusCode} ${text}`));
    }).on('error', reject);
  });
}
