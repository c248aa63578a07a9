import type { Moto } from './moto.ts';

/** Keys of a user of the mock. */
export interface MotoUser {
  readonly accesskey: string;
  readonly secretkey: string;
}

/** Creates a user with these statements as policy: from now on the mock checks signatures and rights, and lets nobody else in. */
export async function onlyUserOf(moto: Moto, statements: readonly object[]): Promise<MotoUser> {
  await iam(moto, { Action: 'CreateUser', UserName: 'registry' });
  const policy = JSON.stringify({ Version: '2012-10-17', Statement: statements });
  await iam(moto, { Action: 'PutUserPolicy', UserName: 'registry', PolicyName: 'registry', PolicyDocument: policy });
  const key = await iam(moto, { Action: 'CreateAccessKey', UserName: 'registry' });
  await fetch(`${moto.endpoint}/moto-api/reset-auth`, { method: 'POST', body: '0' });
  return {
    accesskey: /<AccessKeyId>(.+?)</.exec(key)?.[1] as string,
    secretkey: /<SecretAccessKey>(.+?)</.exec(key)?.[1] as string,
  };
}

async function iam(moto: Moto, parameters: Record<string, string>): Promise<string> {
  const answer = await fetch(moto.endpoint, {
    method: 'POST',
    headers: {
      Authorization:
        'AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/iam/aws4_request, SignedHeaders=host, Signature=a',
    },
    body: new URLSearchParams({ Version: '2010-05-08', ...parameters }),
  });
  return answer.text();
}
