import type { ServerResponse } from 'node:http';
import type { FastifyReply } from 'fastify';
import type { ObjectReader } from '../../registry/blobs.ts';

/**
 * Sends an object as the body of an answer whose headers are set, its Content-Length among them. Each chunk is on its way before
 * the next one is read, so that a slow client holds one buffer, and the same buffer serves the whole object.
 *
 * A failure after the first byte can only be shown by cutting the connection; it is thrown, for the log.
 */
export async function sendObject(reply: FastifyReply, object: ObjectReader): Promise<void> {
  reply.hijack();
  const { raw } = reply;
  raw.writeHead(reply.statusCode, reply.getHeaders() as Record<string, string>);
  try {
    for await (const chunk of object) {
      if (!(await isSent(raw, chunk))) return;
    }
    raw.end();
  } catch (error) {
    raw.destroy(error as Error);
  }
}

/** Whether a chunk has left this process; not so when the client has gone. */
function isSent(raw: ServerResponse, chunk: Uint8Array): Promise<boolean> {
  return new Promise((resolve) => {
    if (raw.destroyed) resolve(false);
    // A client that goes while a chunk waits: the callback of the write need not come.
    const gone = () => resolve(false);
    raw.once('close', gone);
    raw.write(chunk, (error) => {
      raw.off('close', gone);
      resolve(error === undefined || error === null);
    });
  });
}
