import type { Construct } from 'constructs';
import { parseDuration } from '../../registry-image/src/config/values.ts';
import { CERTIFICATE_FILE, KEY_FILE } from '../shared/boot-script.ts';
import { checkDataRemoval } from '../shared/data-removal.ts';
import { endpointHost, endpointPort } from '../shared/endpoint.ts';
import type { RegistrySettings } from '../shared/registry-settings.ts';
import { DEFAULT_INTERNAL_PORT, renderConfig, warn } from '../shared/render-config.ts';
import { settingsFaults } from '../shared/settings-faults.ts';
import { Faults } from '../shared/validation-error.ts';
import { FOLDER_RULE, isFolder } from './bucket.ts';
import type { ContainerRegistryProps } from './container-registry-props.ts';

/** Props that describe the parts of a new machine, and have no effect on one that is given. */
const NEW_MACHINE_PROPS = [
  'identity',
  'network',
  'dataVolume',
  'dataVolumeSizeGiB',
  'instanceType',
  'machineImageId',
  'rootDiskSizeGiB',
  'detailedMonitoring',
  'egressPorts',
] as const satisfies readonly (keyof ContainerRegistryProps)[];

/** Props that describe a new bucket. */
const NEW_BUCKET_PROPS = [
  'bucketName',
  'noncurrentVersionDays',
] as const satisfies readonly (keyof ContainerRegistryProps)[];

/** @throws ValidationError with every fault of the props */
export function checkContainerRegistry(scope: Construct, props: ContainerRegistryProps): void {
  const faults = new Faults();
  const settings = serverSettings(props, { bucketName: 'not-known-yet', region: 'not-known-yet' });
  const config = renderConfig(settings);
  faults.add(settingsFaults(settings, config));
  checkPorts(props, faults);
  checkName(props, faults);
  checkStorage(props, faults);
  checkGivenParts(props, faults);
  checkAddresses(props, faults);
  checkDataRemoval(props, faults);
  faults.throwIfAny(scope);
  warn(scope, config);
}

/** The settings of the server on this machine. */
export function serverSettings(
  props: ContainerRegistryProps,
  bucket: { readonly bucketName: string; readonly region: string },
): RegistrySettings {
  const storage = props.storage ?? { kind: 'bucket' };
  return {
    ...props,
    storage: storage.kind === 'volume' ? storage : { ...storage, bucketName: bucket.bucketName, region: bucket.region },
    tls:
      props.certificate === undefined
        ? { mode: 'generated' }
        : { mode: 'files', certificateFile: CERTIFICATE_FILE, keyFile: KEY_FILE },
  };
}

/** How long the server itself keeps an upload that nobody finishes, in whole days. */
export function uploadAgeDays({ uploadPurging }: ContainerRegistryProps): number {
  return Math.ceil((parseDuration(uploadPurging?.age ?? '168h') as number) / 86_400_000);
}

/** The two ports of one machine: clients' and the server's own in its container. */
function checkPorts({ endpoint, internalPort = DEFAULT_INTERNAL_PORT }: ContainerRegistryProps, faults: Faults): void {
  const port = endpointPort(endpoint);
  faults.check(
    endpoint.mode === 'port' ? 'endpoint.port' : 'internalPort',
    port,
    port !== internalPort,
    `clients' port and internalPort are both ${port}; choose another ${endpoint.mode === 'port' ? 'port, such as 5050' : 'internalPort, such as 5000'}`,
  );
}

function checkName({ endpoint, hostedZoneId, dnsRecord, certificate }: ContainerRegistryProps, faults: Faults): void {
  const host = endpointHost(endpoint);
  faults.check(
    'hostedZoneId',
    hostedZoneId,
    hostedZoneId === undefined || endpoint.mode === 'own-domain',
    "makes a record for a domain of the registry's own; in port mode the name exists already, so leave it out",
  );
  faults.check(
    'hostedZoneId',
    hostedZoneId,
    hostedZoneId === undefined || dnsRecord === undefined,
    'cannot stand beside dnsRecord; leave one of them out',
  );
  faults.check(
    'dnsRecord',
    dnsRecord?.name,
    dnsRecord === undefined || dnsRecord.name === host,
    `is not the name of the endpoint; make the record for ${host}`,
  );
  if (certificate !== undefined) faults.add(certificate.faultsFor(host), 'certificate.');
}

function checkStorage({ storage }: ContainerRegistryProps, faults: Faults): void {
  if (storage?.kind !== 'bucket' || storage.prefix === undefined) return;
  faults.check('storage.prefix', storage.prefix, isFolder(storage.prefix), FOLDER_RULE);
}

function checkGivenParts(props: ContainerRegistryProps, faults: Faults): void {
  const { bucket, virtualMachine, enabled, dnsRecord } = props;
  for (const prop of bucket === undefined ? [] : NEW_BUCKET_PROPS) {
    const message = 'has no effect on a bucket that is given; set it where that bucket is made';
    faults.check(prop, props[prop], props[prop] === undefined, message);
  }
  for (const prop of virtualMachine === undefined ? [] : NEW_MACHINE_PROPS) {
    const message = 'has no effect on a virtualMachine that is given; set it on the VirtualMachine itself';
    faults.check(prop, '(set)', props[prop] === undefined, message);
  }
  if (enabled !== false) return;
  const message = 'belongs to a registry that is enabled; leave it out, or set enabled: true';
  faults.check('virtualMachine', virtualMachine?.node.path, virtualMachine === undefined, message);
  faults.check('dnsRecord', dnsRecord?.name, dnsRecord === undefined, message);
}

const CIDR = /^(\d{1,3}(\.\d{1,3}){3}\/\d{1,2}|[0-9a-f:]*:[0-9a-f:]*\/\d{1,3})$/i;

function checkAddresses({ allowedCidrs = [] }: ContainerRegistryProps, faults: Faults): void {
  for (const [index, cidr] of allowedCidrs.entries()) {
    faults.check(
      `allowedCidrs.${index}`,
      cidr,
      CIDR.test(cidr),
      'must be a range of addresses, such as 203.0.113.0/24',
    );
  }
}
