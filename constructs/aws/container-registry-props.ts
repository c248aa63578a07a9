import type { DataRemovalProps } from '../shared/data-removal.ts';
import type { RegistryImage } from '../shared/registry-image.ts';
import type { BucketStorage, RegistrySettings, VolumeStorage } from '../shared/registry-settings.ts';
import type { IBucket } from './bucket.ts';
import type { ICertificate } from './certificate.ts';
import type { IDataVolume } from './data-volume.ts';
import type { DnsRecord } from './dns-record.ts';
import type { IIdentity } from './identity.ts';
import type { INetwork } from './network.ts';
import type { MachineOptions, VirtualMachine } from './virtual-machine.ts';

/** Images in the bucket of the registry. */
export type AwsBucketStorage = Omit<BucketStorage, 'bucketName' | 'region'>;

/** What the registry is to do; where its data lies on the machine, and its certificate, are decided by the construct. */
type MachineIndependentSettings = Omit<RegistrySettings, 'storage' | 'tls' | 'dataDirectory' | 'listenHost'>;

export interface ContainerRegistryProps extends MachineIndependentSettings, MachineOptions, DataRemovalProps {
  /** The image that the machine runs. Changing it replaces the machine; address and data stay. */
  readonly image: RegistryImage;
  /**
   * Whether there is a machine. `false` removes it with its address and its DNS record, and keeps bucket, volume and identity.
   *
   * @default true
   */
  readonly enabled?: boolean;
  /** @default - images at the top of the bucket */
  readonly storage?: AwsBucketStorage | VolumeStorage;
  /** @default - a new private bucket; it also holds the image archive of the server */
  readonly bucket?: IBucket;
  /**
   * Name of the new bucket: 3 to 63 of a-z, 0-9, "." and "-". Changing this replaces the bucket, which Terraform refuses while the
   * data is kept.
   *
   * @default - a unique name that begins with `container-registry-`
   */
  readonly bucketName?: string;
  /**
   * Days for which a deleted or overwritten object in the new bucket can be brought back.
   *
   * @default 30
   */
  readonly noncurrentVersionDays?: number;
  /**
   * ARN of the KMS key that encrypts the new bucket and the new volume. Changing this replaces the volume.
   *
   * @default - keys of S3 and EBS
   */
  readonly kmsKeyArn?: string;
  /**
   * Who the machine is; one identity serves one registry.
   *
   * @default - a new role that may reach the bucket and the registry's secrets
   */
  readonly identity?: IIdentity;
  /** @default - the server makes a CA and a certificate on first start; the CA is published with the first password */
  readonly certificate?: ICertificate;
  /**
   * Route53 zone in which a record for the registry's own domain is made.
   *
   * @default - no record is made; point the name at the address of the machine yourself
   */
  readonly hostedZoneId?: string;
  /** @default - a new record, when `hostedZoneId` is set */
  readonly dnsRecord?: DnsRecord;
  /** @default - a new instance */
  readonly virtualMachine?: VirtualMachine;
  /** @default - a new VPC with one public subnet */
  readonly network?: INetwork;
  /** @default - a new encrypted volume */
  readonly dataVolume?: IDataVolume;
  /**
   * Size of the new data volume, 1 to 16384 GiB. It can grow at any time.
   *
   * @default 20
   */
  readonly dataVolumeSizeGiB?: number;
  /**
   * Ranges of addresses, IPv4 or IPv6, from which clients may connect.
   *
   * @default ['0.0.0.0/0'] - the internet
   */
  readonly allowedCidrs?: readonly string[];
}
