import { expectThat, type StepOutcome } from './storage-probe-step.ts';

export interface RedirectProbe {
  /** A signed URL that reads the object. */
  readonly sign: () => Promise<URL>;
  /** What the object holds. */
  readonly bytes: Buffer;
  /** Last part of the object's key. */
  readonly from: string;
  /** Last part of the key of another object, which the URL must not read. */
  readonly to: string;
  /** The URL names an endpoint that is for clients, and may not be reachable from here. */
  readonly hasPublicEndpoint: boolean;
}

/**
 * Follows a signed URL as a client does, without credentials; then one that was changed to name another object.
 * What is thrown and noted names the host alone: a signed URL is a credential.
 */
export async function probeRedirect(probe: RedirectProbe): Promise<StepOutcome> {
  const url = await probe.sign();
  try {
    await expectObject(url, probe.bytes);
    await expectRefusal(await probe.sign(), probe.from, probe.to);
  } catch (error) {
    if (!(error instanceof UnreachableError)) throw error;
    if (!probe.hasPublicEndpoint) throw error;
    return { skipped: `${url.origin} is for clients and cannot be reached from here; see whether it can from theirs` };
  }
  return { note: `clients must reach ${url.origin}` };
}

class UnreachableError extends Error {}

async function expectObject(url: URL, bytes: Buffer): Promise<void> {
  const { status, body } = await follow(url);
  expectThat(
    status === 200,
    `${url.host} answered ${status} to a signed URL; the identity that signs needs the right to read, and clock and endpoint must be those of the store`,
  );
  expectThat(
    body.equals(bytes),
    `${url.host} answered a signed URL with ${body.length} bytes that are not the object's`,
  );
}

/** A URL that was changed to name another object must not read it. */
async function expectRefusal(url: URL, from: string, to: string): Promise<void> {
  if (!url.pathname.endsWith(`/${from}`)) return;
  url.pathname = `${url.pathname.slice(0, -from.length)}${to}`;
  const { status } = await follow(url);
  expectThat(
    status >= 400,
    `${url.host} answered ${status} to a signed URL that was changed to name another object: it does not check signatures, and whoever reaches it can read everything`,
  );
}

async function follow(url: URL): Promise<{ readonly status: number; readonly body: Buffer }> {
  try {
    const answer = await fetch(url, { redirect: 'manual' });
    return { status: answer.status, body: Buffer.from(await answer.arrayBuffer()) };
  } catch (error) {
    throw new UnreachableError(
      `${url.origin} cannot be reached from here, so clients may not reach it either; open the way to it, name another endpoint in redirectendpoint, or set storage.redirect.disable`,
      { cause: error },
    );
  }
}
