import { setTimeout as sleep } from 'node:timers/promises';

/** https://www.alibabacloud.com/help/en/ecs/user-guide/view-instance-metadata */
const METADATA_URL = 'http://100.100.100.200';

const TRIES = 3;
const PAUSE_MS = 500;
const TIME_LIMIT_MS = 2000;

/** Of the session that the security hardening mode asks for. */
const SESSION_SECONDS = 60;

export interface RamRoleKeys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
  /** The SDK asks for new ones some minutes before. */
  readonly expiration: Date;
}

interface RoleAnswer {
  readonly Code?: string;
  readonly AccessKeyId?: string;
  readonly AccessKeySecret?: string;
  readonly SecurityToken?: string;
  readonly Expiration?: string;
}

/** The name by which the SDK knows that there are no credentials. */
class CredentialsProviderError extends Error {
  override readonly name = 'CredentialsProviderError';
}

/**
 * Gets the temporary keys of the RAM role that an ECS instance has, from the metadata service of the instance:
 * https://www.alibabacloud.com/help/en/ecs/user-guide/attach-an-instance-ram-role-to-an-ecs-instance
 */
export function ramRoleKeys(metadataUrl = METADATA_URL): () => Promise<RamRoleKeys> {
  return async () => {
    const session = await openSession(metadataUrl);
    const roles = `${metadataUrl}/latest/meta-data/ram/security-credentials/`;
    const role = (await (await get(roles, session)).text()).trim();
    const answer = (await (await get(`${roles}${encodeURIComponent(role)}`, session)).json()) as RoleAnswer;
    const { Code, AccessKeyId, AccessKeySecret, SecurityToken, Expiration } = answer;
    if (!(Code === 'Success' && AccessKeyId && AccessKeySecret && SecurityToken && Expiration)) {
      throw new CredentialsProviderError(`the metadata service has no keys for the RAM role "${role}": ${Code}`);
    }
    return {
      accessKeyId: AccessKeyId,
      secretAccessKey: AccessKeySecret,
      sessionToken: SecurityToken,
      expiration: new Date(Expiration),
    };
  };
}

/** Header of a session of the security hardening mode, which instances may demand; none where the service does not have it. */
async function openSession(metadataUrl: string): Promise<Record<string, string>> {
  const answer = await ask(`${metadataUrl}/latest/api/token`, {
    method: 'PUT',
    headers: { 'X-aliyun-ecs-metadata-token-ttl-seconds': String(SESSION_SECONDS) },
  });
  return answer.ok ? { 'X-aliyun-ecs-metadata-token': await answer.text() } : {};
}

async function get(url: string, headers: Record<string, string>): Promise<Response> {
  const answer = await ask(url, { headers });
  if (answer.status === 404) throw new CredentialsProviderError('the instance has no RAM role');
  if (!answer.ok) throw new CredentialsProviderError(`the metadata service answered ${answer.status}`);
  return answer;
}

async function ask(url: string, request: RequestInit): Promise<Response> {
  for (let attempt = 1; ; attempt++) {
    try {
      const answer = await fetch(url, { ...request, signal: AbortSignal.timeout(TIME_LIMIT_MS) });
      if (answer.status < 500 || attempt === TRIES) return answer;
      await answer.body?.cancel();
    } catch (error) {
      if (attempt === TRIES) {
        const { message, cause } = error as Error & { readonly cause?: Error };
        const why = cause?.message ?? message;
        throw new CredentialsProviderError(`the metadata service of Alibaba Cloud does not answer: ${why}`);
      }
    }
    await sleep(PAUSE_MS);
  }
}
