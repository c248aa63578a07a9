import { DataAwsRegion } from '@cdktf/provider-aws/lib/data-aws-region/index.js';
import { DataAwsSubnet } from '@cdktf/provider-aws/lib/data-aws-subnet/index.js';
import { DefaultSecurityGroup } from '@cdktf/provider-aws/lib/default-security-group/index.js';
import { InternetGateway } from '@cdktf/provider-aws/lib/internet-gateway/index.js';
import { Route } from '@cdktf/provider-aws/lib/route/index.js';
import { RouteTable } from '@cdktf/provider-aws/lib/route-table/index.js';
import { RouteTableAssociation } from '@cdktf/provider-aws/lib/route-table-association/index.js';
import { Subnet } from '@cdktf/provider-aws/lib/subnet/index.js';
import { Vpc } from '@cdktf/provider-aws/lib/vpc/index.js';
import { VpcEndpoint } from '@cdktf/provider-aws/lib/vpc-endpoint/index.js';
import { Construct } from 'constructs';

/** Where the machine stands: one subnet that reaches the internet. */
export interface INetwork {
  readonly vpcId: string;
  readonly subnetId: string;
  /** Zone of the subnet; the data volume is made in it. */
  readonly availabilityZone: string;
}

export interface NetworkProps {
  /**
   * Addresses of the VPC, all of which its one subnet uses. Changing this replaces the network and the machine.
   *
   * @default '10.80.0.0/24'
   */
  readonly cidrBlock?: string;
}

/** A small VPC of the registry's own: one public subnet, with a gateway endpoint that keeps traffic to S3 inside AWS. */
export class Network extends Construct implements INetwork {
  readonly vpcId: string;
  readonly subnetId: string;
  readonly availabilityZone: string;

  constructor(scope: Construct, id: string, { cidrBlock = '10.80.0.0/24' }: NetworkProps = {}) {
    super(scope, id);
    const vpc = new Vpc(this, 'vpc', { cidrBlock, enableDnsSupport: true, enableDnsHostnames: true });
    new DefaultSecurityGroup(this, 'default-security-group', { vpcId: vpc.id });
    const subnet = new Subnet(this, 'subnet', { vpcId: vpc.id, cidrBlock, mapPublicIpOnLaunch: false });
    const gateway = new InternetGateway(this, 'internet-gateway', { vpcId: vpc.id });
    const routes = new RouteTable(this, 'route-table', { vpcId: vpc.id });
    new Route(this, 'default-route', {
      routeTableId: routes.id,
      destinationCidrBlock: '0.0.0.0/0',
      gatewayId: gateway.id,
    });
    new RouteTableAssociation(this, 'route-table-association', { routeTableId: routes.id, subnetId: subnet.id });
    const region = new DataAwsRegion(this, 'region');
    new VpcEndpoint(this, 's3-endpoint', {
      vpcId: vpc.id,
      serviceName: `com.amazonaws.${region.name}.s3`,
      vpcEndpointType: 'Gateway',
      routeTableIds: [routes.id],
    });
    this.vpcId = vpc.id;
    this.subnetId = subnet.id;
    this.availabilityZone = subnet.availabilityZone;
  }

  /** A subnet that exists already; it is looked up when the stack is planned. */
  static fromSubnetId(scope: Construct, id: string, subnetId: string): INetwork {
    const subnet = new DataAwsSubnet(scope, id, { id: subnetId });
    return { vpcId: subnet.vpcId, subnetId, availabilityZone: subnet.availabilityZone };
  }
}
