import { clientLines } from './client-lines.ts';
import type { Connection } from './connection.ts';

/** What a run of `npm run up` did to the server. */
export type Outcome = 'started' | 'restarted' | 'recovered' | 'unchanged';

const SENTENCES: Readonly<Record<Outcome, string>> = {
  started: 'The registry is started.',
  restarted: 'The registry is restarted with what has changed.',
  recovered: 'The registry was deployed but not running; it is started again.',
  unchanged: 'Nothing has changed; the registry is running.',
};

/** The end of `npm run up`: everything that a person needs next, in lines that can be pasted. */
export function describeConnection(connection: Connection, outcome: Outcome): string {
  const { url, statusUrl, username, password, passwordFile, caFile, dataDirectory, logFile } = connection;
  const clients = clientLines(connection).map(({ client, lines }) =>
    [`Log in, push and pull with ${client}:`, ...lines.map((line) => `  ${line}`)].join('\n'),
  );
  return `
${SENTENCES[outcome]}

  URL       ${url}
  status    ${statusUrl}
  user      ${username}
  password  ${password ?? `(${passwordFile} has been removed; the registry knows only a hash of it)`}
  CA        ${caFile}
  data      ${dataDirectory}
  log       ${logFile}

${clients.join('\n\n')}

npm run down stops it and keeps the data. The settings are in settings/local.yml.`;
}
