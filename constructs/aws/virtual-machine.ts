import { DataAwsSsmParameter } from '@cdktf/provider-aws/lib/data-aws-ssm-parameter/index.js';
import { Eip } from '@cdktf/provider-aws/lib/eip/index.js';
import { EipAssociation } from '@cdktf/provider-aws/lib/eip-association/index.js';
import { Instance } from '@cdktf/provider-aws/lib/instance/index.js';
import { SecurityGroup } from '@cdktf/provider-aws/lib/security-group/index.js';
import { VolumeAttachment } from '@cdktf/provider-aws/lib/volume-attachment/index.js';
import { VpcSecurityGroupEgressRule } from '@cdktf/provider-aws/lib/vpc-security-group-egress-rule/index.js';
import { VpcSecurityGroupIngressRule } from '@cdktf/provider-aws/lib/vpc-security-group-ingress-rule/index.js';
import { Construct } from 'constructs';
import { terraformText } from '../shared/terraform-text.ts';
import { Faults } from '../shared/validation-error.ts';
import type { IDataVolume } from './data-volume.ts';
import type { IIdentity } from './identity.ts';
import type { INetwork } from './network.ts';

/** Debian 13 for amd64, as Debian publishes it (https://wiki.debian.org/Cloud/AmazonEC2Image). */
const DEBIAN_IMAGE_PARAMETER = '/aws/service/debian/release/13/latest/amd64';

/** Where the data volume is attached; machines with NVMe, which are all current ones, show it under a name of their own. */
export const DATA_DEVICE_NAME = '/dev/sdf';

/** https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/user-data.html */
const USER_DATA_LIMIT_BYTES = 16_384;

/** What a reference of Terraform may become longer than it is written: an ARN or an id. */
const REFERENCE_BYTES = 200;

/** What can be said about the machine without saying what runs on it. */
export interface MachineOptions {
  /**
   * An x86-64 type, because the image is built for amd64. Changing this stops the machine for a minute.
   *
   * @default 't3.small'
   */
  readonly instanceType?: string;
  /**
   * AMI with Debian 13 and cloud-init. A newer one is taken up only when the machine is replaced for another reason.
   *
   * @default - the newest Debian 13, from the public SSM parameter of Debian
   */
  readonly machineImageId?: string;
  /**
   * Disk of the system, 8 GiB or more. Changing this replaces nothing; the data is on a volume of its own.
   *
   * @default 16
   */
  readonly rootDiskSizeGiB?: number;
  /**
   * Metrics of CloudWatch every minute instead of every five, which costs extra.
   *
   * @default false
   */
  readonly detailedMonitoring?: boolean;
  /**
   * TCP ports that the machine may connect to, anywhere.
   *
   * @default [80, 443] - packages of Debian, and AWS
   */
  readonly egressPorts?: readonly number[];
}

export interface VirtualMachineProps extends MachineOptions {
  readonly network: INetwork;
  readonly identity: IIdentity;
  readonly dataVolume: IDataVolume;
}

/** One EC2 instance with a fixed address, that nobody can log in to. It needs something to run: `boot`. */
export class VirtualMachine extends Construct {
  readonly identity: IIdentity;
  readonly dataVolume: IDataVolume;
  /** The elastic IP address, which stays when the instance is replaced. */
  readonly publicIp: string;
  readonly instanceId: string;
  readonly #instance: Instance;
  readonly #securityGroup: SecurityGroup;

  constructor(scope: Construct, id: string, props: VirtualMachineProps) {
    super(scope, id);
    checkProps(this, props);
    this.identity = props.identity;
    this.dataVolume = props.dataVolume;
    this.#securityGroup = this.#closedGroup(props);
    this.#instance = this.#createInstance(props);
    this.instanceId = this.#instance.id;
    new VolumeAttachment(this, 'data-volume', {
      deviceName: DATA_DEVICE_NAME,
      volumeId: props.dataVolume.volumeId,
      instanceId: this.#instance.id,
      stopInstanceBeforeDetaching: true,
    });
    const address = new Eip(this, 'address', { domain: 'vpc', tags: { Name: this.node.path } });
    new EipAssociation(this, 'address-association', { allocationId: address.id, instanceId: this.#instance.id });
    this.publicIp = address.publicIp;
    this.node.addValidation({
      validate: () =>
        this.#instance.userDataInput === undefined
          ? ['the machine runs nothing; give it to a ContainerRegistry, or call boot(userData)']
          : [],
    });
  }

  /** Sets what the machine runs. A change replaces the instance; address and data volume stay. @throws ValidationError over 16 KiB */
  boot(userData: string): void {
    const references = userData.match(/\$\{TfToken\[[^\]]+\]\}/g)?.length ?? 0;
    const bytes = Buffer.byteLength(userData) + references * REFERENCE_BYTES;
    const faults = new Faults();
    const message = `EC2 takes at most ${USER_DATA_LIMIT_BYTES} bytes, references included; give the registry fewer notifications or grants`;
    faults.check('userData', bytes, bytes <= USER_DATA_LIMIT_BYTES, message);
    faults.throwIfAny(this);
    this.#instance.userData = terraformText(userData);
  }

  /** Lets clients connect to a TCP port; `cidr` is a range of IPv4 or IPv6 addresses. */
  addIngress(port: number, cidr: string): void {
    new VpcSecurityGroupIngressRule(this, `ingress-${port}-${cidr.replaceAll(/[./:]/g, '-')}`, {
      securityGroupId: this.#securityGroup.id,
      description: 'Registry clients',
      ipProtocol: 'tcp',
      fromPort: port,
      toPort: port,
      ...(cidr.includes(':') ? { cidrIpv6: cidr } : { cidrIpv4: cidr }),
    });
  }

  #closedGroup({ network, egressPorts = [80, 443] }: VirtualMachineProps): SecurityGroup {
    const group = new SecurityGroup(this, 'security-group', {
      namePrefix: 'container-registry-',
      description: 'Container registry: the public port only',
      vpcId: network.vpcId,
    });
    for (const port of new Set(egressPorts)) {
      new VpcSecurityGroupEgressRule(this, `egress-${port}`, {
        securityGroupId: group.id,
        description: 'Packages, AWS and webhooks',
        ipProtocol: 'tcp',
        fromPort: port,
        toPort: port,
        cidrIpv4: '0.0.0.0/0',
      });
    }
    return group;
  }

  #createInstance(props: VirtualMachineProps): Instance {
    return new Instance(this, 'instance', {
      ami: props.machineImageId ?? this.#debianImage(),
      instanceType: props.instanceType ?? 't3.small',
      subnetId: props.network.subnetId,
      vpcSecurityGroupIds: [this.#securityGroup.id],
      iamInstanceProfile: props.identity.instanceProfileName,
      ebsOptimized: true,
      ...(props.detailedMonitoring === true && { monitoring: true }),
      userDataReplaceOnChange: true,
      // The registry's container has an address of its own on the machine, which is one hop more to the metadata service.
      metadataOptions: { httpEndpoint: 'enabled', httpTokens: 'required', httpPutResponseHopLimit: 2 },
      rootBlockDevice: { volumeType: 'gp3', volumeSize: props.rootDiskSizeGiB ?? 16, encrypted: true },
      tags: { Name: this.node.path },
      lifecycle: { ignoreChanges: ['ami'] },
    });
  }

  #debianImage(): string {
    return new DataAwsSsmParameter(this, 'debian', { name: DEBIAN_IMAGE_PARAMETER }).insecureValue;
  }
}

function checkProps(scope: Construct, props: VirtualMachineProps): void {
  const faults = new Faults();
  const { instanceType = 't3.small', machineImageId, rootDiskSizeGiB = 16, egressPorts = [] } = props;
  faults.check(
    'instanceType',
    instanceType,
    /^[a-z0-9-]+\.[a-z0-9-]+$/.test(instanceType),
    'must be a type such as t3.small',
  );
  faults.check(
    'instanceType',
    instanceType,
    !/^[a-z]+\d+g[a-z]*\./.test(instanceType),
    'is an ARM machine; the image is built for amd64, so take an x86-64 type such as t3.small',
  );
  faults.check(
    'machineImageId',
    machineImageId,
    machineImageId === undefined || /^ami-[0-9a-f]{8,17}$/.test(machineImageId),
    'must be the id of an AMI, such as ami-0123456789abcdef0',
  );
  const largeEnough = Number.isInteger(rootDiskSizeGiB) && rootDiskSizeGiB >= 8;
  faults.check('rootDiskSizeGiB', rootDiskSizeGiB, largeEnough, 'must be a whole number of GiB, 8 or more');
  for (const port of egressPorts) {
    const valid = Number.isInteger(port) && port >= 1 && port <= 65_535;
    faults.check('egressPorts', port, valid, 'must be port numbers, 1 to 65535');
  }
  faults.throwIfAny(scope);
}
