import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { BackgroundProcess } from './background-process.ts';
import { HttpClient } from './http-client.ts';
import { REPOSITORY } from './repository.ts';
import { findTool } from './requirements.ts';

/** The site of docs/reverse-proxy.md, as an operator copies it. */
export function documentedSite(): string {
  return documented('nginx');
}

/** The registry's configuration of docs/reverse-proxy.md. */
export function documentedConfiguration(): string {
  return documented('yaml');
}

function documented(language: string): string {
  const page = readFileSync(path.join(REPOSITORY, 'docs/reverse-proxy.md'), 'utf8');
  const [, text] = new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, 'm').exec(page) ?? [];
  if (text === undefined) throw new Error(`docs/reverse-proxy.md has no block of ${language}`);
  return text;
}

/** A text with each of these words replaced everywhere. @throws Error naming a word that the text does not have */
export function filledIn(text: string, words: Readonly<Record<string, string>>): string {
  return Object.entries(words).reduce((filled, [word, value]) => {
    if (!filled.includes(word)) throw new Error(`the text has no "${word}" to put ${value} in place of:\n${text}`);
    return filled.replaceAll(word, value);
  }, text);
}

export interface NginxOptions {
  /** What stands within `http { }`. */
  readonly site: string;
  /** Where the site listens. */
  readonly url: string;
  /** PEM of the authority that the site's certificate is from. */
  readonly ca?: string;
  /** For its files; exists, and stays. */
  readonly directory: string;
}

/** Runs nginx with a site. It is ready when it answers anything at all. */
export function startNginx({ site, url, ca, directory }: NginxOptions): Promise<BackgroundProcess> {
  const temporaryPaths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((kind) => {
    mkdirSync(path.join(directory, kind), { recursive: true });
    return `${kind}_temp_path ${path.join(directory, kind)};`;
  });
  const configuration = [
    'daemon off;',
    // Else its workers would be another user, who cannot read a directory of the tests.
    ...(process.getuid?.() === 0 ? ['user root;'] : []),
    `pid ${path.join(directory, 'nginx.pid')};`,
    'error_log stderr warn;',
    'events {}',
    `http { access_log off; default_type application/octet-stream; ${temporaryPaths.join(' ')}`,
    site,
    '}',
  ];
  const file = path.join(directory, 'nginx.conf');
  writeFileSync(file, configuration.join('\n'));
  return BackgroundProcess.start(findTool('nginx') as string, ['-p', directory, '-e', 'stderr', '-c', file], {
    isReady: async () => {
      const probe = new HttpClient(url, ca);
      try {
        return (await probe.request('GET', '/')).status > 0;
      } finally {
        probe.close();
      }
    },
  });
}
