import { IamInstanceProfile } from '@cdktf/provider-aws/lib/iam-instance-profile/index.js';
import { IamRole } from '@cdktf/provider-aws/lib/iam-role/index.js';
import { IamRolePolicy } from '@cdktf/provider-aws/lib/iam-role-policy/index.js';
import { Construct } from 'constructs';

/** A statement of an IAM policy that allows actions on resources. */
export interface AllowStatement {
  /** Letters and digits. */
  readonly sid: string;
  readonly actions: readonly string[];
  /** ARNs. */
  readonly resources: readonly string[];
}

/** Who the machine is to AWS. Resources grant it access with verbs, such as `bucket.grantReadWrite(identity)`. */
export interface IIdentity {
  readonly instanceProfileName: string;
  readonly roleName: string;
  /** Gives the role an inline policy; `id` names it among the policies of this identity. */
  allow(id: string, statements: readonly AllowStatement[]): void;
}

export interface IdentityAttributes {
  readonly instanceProfileName: string;
  /** The role of the instance profile; grants become inline policies of it. */
  readonly roleName: string;
}

/** A role of the registry's own, for EC2, that may do nothing but what it is granted. */
export class Identity extends Construct implements IIdentity {
  readonly instanceProfileName: string;
  readonly roleName: string;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    const role = new IamRole(this, 'role', {
      namePrefix: 'container-registry-',
      description: 'Container registry: machine',
      assumeRolePolicy: JSON.stringify({
        Version: '2012-10-17',
        Statement: [{ Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { Service: 'ec2.amazonaws.com' } }],
      }),
    });
    const profile = new IamInstanceProfile(this, 'instance-profile', {
      namePrefix: 'container-registry-',
      role: role.name,
    });
    this.roleName = role.name;
    this.instanceProfileName = profile.name;
  }

  /** An instance profile that exists already. */
  static fromAttributes(scope: Construct, id: string, attributes: IdentityAttributes): IIdentity {
    return new ImportedIdentity(scope, id, attributes);
  }

  allow(id: string, statements: readonly AllowStatement[]): void {
    addInlinePolicy(this, this.roleName, id, statements);
  }
}

class ImportedIdentity extends Construct implements IIdentity {
  readonly instanceProfileName: string;
  readonly roleName: string;

  constructor(scope: Construct, id: string, attributes: IdentityAttributes) {
    super(scope, id);
    this.instanceProfileName = attributes.instanceProfileName;
    this.roleName = attributes.roleName;
  }

  allow(id: string, statements: readonly AllowStatement[]): void {
    addInlinePolicy(this, this.roleName, id, statements);
  }
}

function addInlinePolicy(scope: Construct, role: string, id: string, statements: readonly AllowStatement[]): void {
  new IamRolePolicy(scope, `policy-${id}`, {
    name: id,
    role,
    policy: JSON.stringify({
      Version: '2012-10-17',
      Statement: statements.map(({ sid, actions, resources }) => ({
        Sid: sid,
        Effect: 'Allow',
        Action: actions,
        Resource: resources,
      })),
    }),
  });
}
