/** A request to one of the APIs of AWS. */
export interface AwsRequest {
  /** Signing name of the service, such as `ec2` or `secretsmanager`. */
  readonly service: string;
  /** @default '/' */
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** @default - POST with a body, GET without */
  readonly method?: string;
  readonly body?: string | URLSearchParams;
}

/** Calls an API of moto, which takes the service from the scope of the signature and checks nothing else of it. */
export async function callMoto(
  endpoint: string,
  { service, path = '/', headers, method, body }: AwsRequest,
): Promise<Response> {
  const authorization = `AWS4-HMAC-SHA256 Credential=test/20260101/eu-central-1/${service}/aws4_request, SignedHeaders=host, Signature=0`;
  const response = await fetch(`${endpoint}${path}`, {
    method: method ?? (body === undefined ? 'GET' : 'POST'),
    headers: { authorization, ...headers },
    ...(body !== undefined && { body }),
  });
  if (!response.ok) throw new Error(`${service} ${path} answered ${response.status}: ${await response.text()}`);
  return response;
}

/** Makes a Route53 zone. @returns its id */
export async function createHostedZone(endpoint: string, name: string): Promise<string> {
  const response = await callMoto(endpoint, {
    service: 'route53',
    path: '/2013-04-01/hostedzone',
    body: `<CreateHostedZoneRequest xmlns="https://route53.amazonaws.com/doc/2013-04-01/"><Name>${name}</Name><CallerReference>${name}</CallerReference></CreateHostedZoneRequest>`,
  });
  const id = /<Id>\/hostedzone\/([^<]+)<\/Id>/.exec(await response.text())?.[1];
  if (id === undefined) throw new Error('Route53 answered without the id of the new zone');
  return id;
}

/** User data of an instance, as the EC2 API gives it. */
export async function readUserData(endpoint: string, instanceId: string): Promise<string> {
  const body = new URLSearchParams({
    Action: 'DescribeInstanceAttribute',
    Version: '2016-11-15',
    InstanceId: instanceId,
    Attribute: 'userData',
  });
  const response = await callMoto(endpoint, { service: 'ec2', body });
  const encoded = /<userData>\s*<value>([^<]*)<\/value>/.exec(await response.text())?.[1];
  if (encoded === undefined) throw new Error(`instance ${instanceId} has no user data`);
  return Buffer.from(encoded, 'base64').toString();
}

/** The current value of a secret in Secrets Manager. */
export async function readSecret(endpoint: string, secretId: string): Promise<string> {
  const response = await callMoto(endpoint, {
    service: 'secretsmanager',
    headers: { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': 'secretsmanager.GetSecretValue' },
    body: JSON.stringify({ SecretId: secretId }),
  });
  return ((await response.json()) as { SecretString: string }).SecretString;
}
