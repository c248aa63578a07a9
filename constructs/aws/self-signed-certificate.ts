import { SecretsmanagerSecret } from '@cdktf/provider-aws/lib/secretsmanager-secret/index.js';
import { SecretsmanagerSecretVersion } from '@cdktf/provider-aws/lib/secretsmanager-secret-version/index.js';
import { CertRequest } from '@cdktf/provider-tls/lib/cert-request/index.js';
import { LocallySignedCert } from '@cdktf/provider-tls/lib/locally-signed-cert/index.js';
import { PrivateKey } from '@cdktf/provider-tls/lib/private-key/index.js';
import { SelfSignedCert } from '@cdktf/provider-tls/lib/self-signed-cert/index.js';
import { Construct } from 'constructs';
import { type Fault, Faults } from '../shared/validation-error.ts';
import { grantSecretRead, type ICertificate } from './certificate.ts';
import type { IIdentity } from './identity.ts';

export interface SelfSignedCertificateProps {
  /** Host name that the certificate is for. Changing this makes a new certificate. */
  readonly host: string;
  /**
   * Days for which CA and certificate are valid; Terraform makes new ones when it runs in the last thirtieth of them.
   *
   * @default 365
   */
  readonly validityDays?: number;
}

const HOURS_PER_DAY = 24;

/**
 * A CA and a certificate from the tls provider, for stacks without a public name. The stack must have a `TlsProvider`.
 * The provider keeps private keys in the state unencrypted: whoever reads the state can pose as the registry. Without this
 * construct the server makes its own CA, whose key never leaves the machine.
 */
export class SelfSignedCertificate extends Construct implements ICertificate {
  readonly secretId: string;
  readonly caCertificate: string;
  readonly #host: string;

  constructor(scope: Construct, id: string, props: SelfSignedCertificateProps) {
    super(scope, id);
    const { host, validityDays = 365 } = props;
    const faults = new Faults();
    const valid = Number.isInteger(validityDays) && validityDays >= 30;
    faults.check('validityDays', validityDays, valid, 'must be a whole number of days, 30 or more');
    faults.throwIfAny(this);
    this.#host = host;
    const validity = {
      validityPeriodHours: validityDays * HOURS_PER_DAY,
      earlyRenewalHours: Math.ceil((validityDays * HOURS_PER_DAY) / 30),
    };
    const caKey = new PrivateKey(this, 'ca-key', { algorithm: 'ECDSA', ecdsaCurve: 'P256' });
    const ca = new SelfSignedCert(this, 'ca', {
      privateKeyPem: caKey.privateKeyPem,
      isCaCertificate: true,
      allowedUses: ['cert_signing', 'crl_signing'],
      subject: [{ commonName: `Container registry CA for ${host}` }],
      ...validity,
    });
    const key = new PrivateKey(this, 'key', { algorithm: 'ECDSA', ecdsaCurve: 'P256' });
    const request = new CertRequest(this, 'request', {
      privateKeyPem: key.privateKeyPem,
      dnsNames: [host],
      subject: [{ commonName: host }],
    });
    const certificate = new LocallySignedCert(this, 'certificate', {
      certRequestPem: request.certRequestPem,
      caCertPem: ca.certPem,
      caPrivateKeyPem: caKey.privateKeyPem,
      allowedUses: ['digital_signature', 'server_auth'],
      ...validity,
    });
    const secret = new SecretsmanagerSecret(this, 'secret', {
      namePrefix: 'container-registry-certificate-',
      description: 'Container registry: self-signed certificate and private key (PEM)',
    });
    new SecretsmanagerSecretVersion(this, 'version', {
      secretId: secret.id,
      secretString: `${certificate.certPem}\n${ca.certPem}\n${key.privateKeyPem}`,
    });
    this.secretId = secret.arn;
    this.caCertificate = ca.certPem;
  }

  grantRead(identity: IIdentity): void {
    grantSecretRead(identity, this.secretId);
  }

  faultsFor(host: string): readonly Fault[] {
    const faults = new Faults();
    faults.check('host', this.#host, this.#host === host, `does not cover ${host}; make the certificate for ${host}`);
    return faults.all;
  }
}
