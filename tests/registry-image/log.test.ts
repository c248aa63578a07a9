import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { describe, expect, test } from '@jest/globals';
import Fastify from 'fastify';
import type { Config } from '../../registry-image/src/config/schema.ts';
import { loggerOptions, requestIdOptions } from '../../registry-image/src/log.ts';

const LOG: Config['log'] = { level: 'info', accesslog: { disabled: false }, fields: { service: 'registry' } };

type Line = Record<string, unknown>;

/** Asks a server, and gives back what it has logged. */
async function logOf(log: Config['log'], request: { url: string; headers?: Record<string, string> }): Promise<Line[]> {
  const stream = new PassThrough();
  const options = loggerOptions(log);
  const app = Fastify({ ...options, ...requestIdOptions(), logger: { ...options.logger, stream } });
  app.get('/v2/:name/tags/list', (_request, reply) => reply.send({ tags: [] }));
  app.get('/readyz', (_request, reply) => reply.send('ok'));
  app.get('/fails', (incoming, reply) => {
    const err = new Error('GET https://bucket.example/key?X-Amz-Signature=swordfish&x=1 failed');
    incoming.log.error({ err, authorization: 'Bearer swordfish' }, 'storage');
    return reply.code(500).send();
  });
  await app.inject(request);
  await app.close();
  stream.end();
  return (await text(stream))
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line);
}

describe('the log', () => {
  test('has one line of JSON for a request: who asked for what, and how it went', async () => {
    const lines = await logOf(LOG, {
      url: '/v2/group%2Fproject/tags/list?n=1',
      headers: { 'x-request-id': 'deploy-7' },
    });
    expect(lines).toEqual([
      {
        level: 'info',
        time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
        service: 'registry',
        request_id: 'deploy-7',
        method: 'GET',
        path: '/v2/group%2Fproject/tags/list',
        client: '127.0.0.1',
        status: 200,
        bytes: 11,
        duration_ms: expect.any(Number),
        repository: 'group/project',
        msg: 'request',
      },
    ]);
  });

  test.each(['two words', '"}', '', 'x'.repeat(200)])(
    'does not repeat the request id %j of a client',
    async (given) => {
      const [line] = await logOf(LOG, { url: '/v2/a/tags/list', headers: { 'x-request-id': given } });
      expect(line?.request_id).toMatch(/^[0-9a-f-]{36}$/);
    },
  );

  test('has no line for requests where accesslog is disabled, and for health probes at debug only', async () => {
    expect(await logOf({ ...LOG, accesslog: { disabled: true } }, { url: '/v2/a/tags/list' })).toEqual([]);
    expect(await logOf(LOG, { url: '/readyz' })).toEqual([]);
    expect(await logOf({ ...LOG, level: 'debug' }, { url: '/readyz' })).toHaveLength(1);
  });

  test('shows no credentials and no signatures', async () => {
    const lines = await logOf(LOG, {
      url: '/fails?X-Amz-Signature=swordfish',
      headers: { authorization: 'Basic swordfish', cookie: 'swordfish' },
    });
    expect(lines).toHaveLength(2);
    expect(lines[0]).toMatchObject({
      level: 'error',
      err: { message: expect.stringContaining('X-Amz-Signature=(hidden)&x=1') },
    });
    expect(JSON.stringify(lines)).not.toContain('swordfish');
  });
});
