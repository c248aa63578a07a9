import { EbsVolume } from '@cdktf/provider-aws/lib/ebs-volume/index.js';
import { Construct } from 'constructs';
import { checkDataRemoval, type DataRemovalProps, mayDestroyData } from '../shared/data-removal.ts';
import { Faults } from '../shared/validation-error.ts';

/** The disk with the index, the users and the keys, and the images unless they are in a bucket. */
export interface IDataVolume {
  readonly volumeId: string;
}

export interface DataVolumeProps extends DataRemovalProps {
  /** Zone of the machine. Changing this replaces the volume, which Terraform refuses while the data is kept. */
  readonly availabilityZone: string;
  /**
   * 1 to 16384 GiB. It can grow at any time, and never shrink; the file system follows at the next boot or within a day.
   *
   * @default 20
   */
  readonly sizeGiB?: number;
  /**
   * ARN of the KMS key to encrypt with.
   *
   * @default - the key of EBS in this account
   */
  readonly kmsKeyArn?: string;
}

/** An encrypted EBS volume that outlives every machine it is attached to. */
export class DataVolume extends Construct implements IDataVolume {
  readonly volumeId: string;

  constructor(scope: Construct, id: string, props: DataVolumeProps) {
    super(scope, id);
    const { sizeGiB = 20 } = props;
    const faults = new Faults();
    const valid = Number.isInteger(sizeGiB) && sizeGiB >= 1 && sizeGiB <= 16_384;
    faults.check('sizeGiB', sizeGiB, valid, 'must be a whole number of GiB, 1 to 16384');
    checkDataRemoval(props, faults);
    faults.throwIfAny(this);
    const volume = new EbsVolume(this, 'volume', {
      availabilityZone: props.availabilityZone,
      type: 'gp3',
      size: sizeGiB,
      encrypted: true,
      ...(props.kmsKeyArn !== undefined && { kmsKeyId: props.kmsKeyArn }),
      tags: { Name: `${this.node.path} data` },
      lifecycle: { preventDestroy: !mayDestroyData(props) },
    });
    this.volumeId = volume.id;
  }
}
