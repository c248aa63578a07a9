export type { DataRemovalProps } from '../shared/data-removal.ts';
export type { Duration } from '../shared/duration.ts';
export { RegistryImage } from '../shared/registry-image.ts';
export type {
  AccessGrant,
  BucketStorage,
  GarbageCollectionSettings,
  NotificationEndpoint,
  OwnDomainEndpoint,
  PortEndpoint,
  RedirectSettings,
  RegistryEndpoint,
  RegistrySettings,
  TokenSettings,
  UploadPurgingSettings,
  VolumeStorage,
} from '../shared/registry-settings.ts';
export type { Usage } from '../shared/usage.ts';
export { type Fault, ValidationError } from '../shared/validation-error.ts';
export { Bucket, type BucketAttributes, type BucketProps, type IBucket } from './bucket.ts';
export {
  Certificate,
  type CertificateProps,
  type ICertificate,
  type SecretCertificateAttributes,
} from './certificate.ts';
export { ContainerRegistry } from './container-registry.ts';
export type { AwsBucketStorage, ContainerRegistryProps } from './container-registry-props.ts';
export { DataVolume, type DataVolumeProps, type IDataVolume } from './data-volume.ts';
export { DnsRecord, type DnsRecordProps } from './dns-record.ts';
export { type AllowStatement, Identity, type IdentityAttributes, type IIdentity } from './identity.ts';
export { type INetwork, Network, type NetworkProps } from './network.ts';
export { type MachineOptions, VirtualMachine, type VirtualMachineProps } from './virtual-machine.ts';
