import { once } from 'node:events';
import http, { type IncomingMessage } from 'node:http';

/** Asks for the whole catalog, page by page. @returns the names */
export async function walkCatalog(url: string, token: string, pageSize: number): Promise<string[]> {
  const agent = new http.Agent({ keepAlive: true });
  const names: string[] = [];
  try {
    for (let next: URL | undefined = new URL(`/v2/_catalog?n=${pageSize}`, url); next !== undefined; ) {
      const page: IncomingMessage = await answer(next, token, agent);
      const text = (await page.toArray()).join('');
      if (page.statusCode !== 200) throw new Error(`GET ${next}: ${page.statusCode} ${text}`);
      names.push(...(JSON.parse(text) as { repositories: string[] }).repositories);
      const [, link] = /<([^>]+)>;\s*rel="?next/.exec(String(page.headers['link'] ?? '')) ?? [];
      next = link === undefined ? undefined : new URL(link, url);
    }
  } finally {
    agent.destroy();
  }
  return names;
}

async function answer(url: URL, token: string, agent: http.Agent): Promise<IncomingMessage> {
  const request = http.get(url, { agent, headers: { Authorization: `Bearer ${token}` } });
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  return response;
}
