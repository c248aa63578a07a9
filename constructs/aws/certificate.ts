import { SecretsmanagerSecret } from '@cdktf/provider-aws/lib/secretsmanager-secret/index.js';
import { SecretsmanagerSecretVersion } from '@cdktf/provider-aws/lib/secretsmanager-secret-version/index.js';
import { Fn, Token } from 'cdktf';
import { Construct } from 'constructs';
import { hostFaults, PemPair } from '../shared/pem.ts';
import { type Fault, throwFaults } from '../shared/validation-error.ts';
import type { IIdentity } from './identity.ts';

/** A certificate with its key in Secrets Manager: one secret that holds both as PEM, with the intermediates, in any order. */
export interface ICertificate {
  /** ARN or name of the secret. */
  readonly secretId: string;
  /**
   * PEM of the CA that clients must be told about.
   *
   * @default - clients trust the certificate already
   */
  readonly caCertificate?: string;
  /** Lets the identity read the secret. */
  grantRead(identity: IIdentity): void;
  /** What is wrong with the certificate for this host, as far as it is known before the stack is applied. */
  faultsFor(host: string): readonly Fault[];
}

export interface SecretCertificateAttributes {
  /** ARN of the secret. */
  readonly secretArn: string;
  /**
   * ARN of the KMS key that encrypts the secret.
   *
   * @default - the key of Secrets Manager in this account
   */
  readonly kmsKeyArn?: string;
}

export interface CertificateProps {
  /** PEM file with the certificate, then its intermediates. */
  readonly certificateFile: string;
  /** PEM file with the private key. */
  readonly privateKeyFile: string;
}

/**
 * A certificate from PEM files. Terraform reads the key when it applies, straight into the secret: the key is neither in the
 * synthesised stack nor in the state. A new certificate becomes a new version of the secret, which the machine takes up within a day.
 */
export class Certificate extends Construct implements ICertificate {
  readonly secretId: string;
  readonly #props: CertificateProps;
  readonly #pem: PemPair;

  constructor(scope: Construct, id: string, props: CertificateProps) {
    super(scope, id);
    this.#props = props;
    this.#pem = new PemPair(props);
    throwFaults(this, this.#pem.faults);
    const secret = new SecretsmanagerSecret(this, 'secret', {
      namePrefix: 'container-registry-certificate-',
      description: 'Container registry: certificate and private key (PEM)',
    });
    new SecretsmanagerSecretVersion(this, 'version', {
      secretId: secret.id,
      secretStringWo: Fn.join('\n', [Fn.file(this.#pem.certificatePath), Fn.file(this.#pem.keyPath)]),
      secretStringWoVersion: this.#pem.version,
    });
    this.secretId = secret.arn;
  }

  /** A secret that exists already. What it holds is checked by the server when it starts. */
  static fromSecret({ secretArn, kmsKeyArn }: SecretCertificateAttributes): ICertificate {
    return {
      secretId: secretArn,
      grantRead: (identity) => grantSecretRead(identity, secretArn, kmsKeyArn),
      faultsFor: () => {
        const known =
          Token.isUnresolved(secretArn) || /^arn:aws[a-z-]*:secretsmanager:[^:]+:\d+:secret:.+$/.test(secretArn);
        const message =
          'must be the ARN of a secret, such as arn:aws:secretsmanager:eu-central-1:123456789012:secret:registry-AbCdEf';
        return known ? [] : [{ prop: 'secretArn', value: secretArn, message }];
      },
    };
  }

  grantRead(identity: IIdentity): void {
    grantSecretRead(identity, this.secretId);
  }

  faultsFor(host: string): readonly Fault[] {
    return hostFaults(this.#props, this.#pem.certificate, host);
  }
}

export function grantSecretRead(identity: IIdentity, secretArn: string, kmsKeyArn?: string): void {
  identity.allow('certificate', [
    { sid: 'Certificate', actions: ['secretsmanager:GetSecretValue'], resources: [secretArn] },
    ...(kmsKeyArn === undefined ? [] : [{ sid: 'Key', actions: ['kms:Decrypt'], resources: [kmsKeyArn] }]),
  ]);
}
