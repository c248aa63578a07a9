import { readFileSync } from 'node:fs';
import { SERVICE, sharedFiles, USER } from './contestants/registry-settings.ts';
import { IMAGE, MANY_TAGS, PUSHED } from './data-set.ts';
import { httpGet } from './load/http-get.ts';

/** What a client asks the token endpoint for, by the name that cases use. */
const SCOPES = {
  image: `repository:${IMAGE}:pull`,
  tags: `repository:${MANY_TAGS}:pull`,
  push: `repository:${PUSHED}/blobs:pull,push`,
  catalog: 'registry:catalog:*',
} as const;

/** Bearer tokens; all servers of a run take them. */
export type Tokens = Readonly<Record<keyof typeof SCOPES, string>>;

/** Where `push` may push to. */
export const PUSH_REPOSITORY = `${PUSHED}/blobs`;

/** Logs in at the token endpoint of this server, once for each scope. @param directory of that server */
export async function fetchTokens(url: string, directory: string): Promise<Tokens> {
  const password = readFileSync(sharedFiles(directory).password, 'utf8').trim();
  const login = `Basic ${Buffer.from(`${USER}:${password}`).toString('base64')}`;
  const entries = Object.entries(SCOPES).map(async ([name, scope]) => {
    const query = new URLSearchParams({ service: SERVICE, scope });
    const { token } = JSON.parse(await httpGet(`${url}/jwt/auth?${query}`, login)) as { token: string };
    return [name, token];
  });
  return Object.fromEntries(await Promise.all(entries)) as Tokens;
}
