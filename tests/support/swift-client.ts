import { HttpClient, type HttpResponse, type RequestOptions } from './http-client.ts';
import type { Swift } from './swift.ts';

/** The account of the stand-in as its owner has it, without the driver in between. */
export interface SwiftClient {
  /** @param path below the account, with the query, such as `/registry/files/a` */
  request(method: string, path: string, options?: RequestOptions): Promise<HttpResponse>;
  /** Names of the objects in a container, in order. */
  list(container: string, prefix?: string): Promise<readonly string[]>;
  close(): void;
}

/** @param who another user of the same account. @default - its owner */
export async function openSwiftClient(swift: Swift, who = { user: swift.user, key: swift.key }): Promise<SwiftClient> {
  const http = new HttpClient(swift.url);
  const login = await http.request('GET', swift.authUrl, {
    headers: { 'x-auth-user': who.user, 'x-auth-key': who.key },
  });
  const token = login.header('x-auth-token');
  const request = (method: string, path: string, options: RequestOptions = {}) =>
    http.request(method, `/v1/AUTH_test${path}`, {
      ...options,
      headers: { ...options.headers, 'x-auth-token': token },
    });
  return {
    request,
    list: async (container, prefix = '') => {
      const { text } = await request('GET', `/${container}?prefix=${encodeURIComponent(prefix)}`);
      return text.split('\n').filter((name) => name !== '');
    },
    close: () => http.close(),
  };
}
