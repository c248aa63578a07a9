import { isIPv6 } from 'node:net';
import type { RegistryEndpoint } from './registry-settings.ts';

export const HTTPS_PORT = 443;

/** The host name of the endpoint, without a port. */
export function endpointHost(endpoint: RegistryEndpoint): string {
  return endpoint.mode === 'own-domain' ? endpoint.domain : endpoint.host;
}

/** The port that clients connect to. */
export function endpointPort(endpoint: RegistryEndpoint): number {
  return endpoint.mode === 'own-domain' ? HTTPS_PORT : endpoint.port;
}

/** What stands in front of an image name: `registry.example.com` or `gitlab.example.com:5050`. */
export function registryHost(endpoint: RegistryEndpoint): string {
  const host = endpointHost(endpoint);
  const name = isIPv6(host) ? `[${host}]` : host;
  return endpointPort(endpoint) === HTTPS_PORT ? name : `${name}:${endpointPort(endpoint)}`;
}

/** The URL that clients use. */
export function publicUrl(endpoint: RegistryEndpoint): string {
  return `https://${registryHost(endpoint)}`;
}
