import { describe, expect, test } from '@jest/globals';
import {
  Bucket,
  ContainerRegistry,
  type ContainerRegistryProps,
  DataVolume,
  DnsRecord,
  Identity,
  Network,
  VirtualMachine,
} from '../../../constructs/index.ts';
import { bootScriptOf } from '../../support/boot-machine.ts';
import { addresses, faultOf, minimalProps, only, synth, synthRegistry } from './support.ts';

/** The name of a resource without the hash of its path. */
const withoutHash = (address: string) => address.replace(/_[0-9A-F]{8}$/, '');

describe('a container registry with nothing but an image and a domain', () => {
  test('is made of these resources', () => {
    expect(addresses(synthRegistry()).map(withoutHash)).toEqual([
      'aws_default_security_group.registry_network_default-security-group',
      'aws_ebs_volume.registry_data-volume',
      'aws_eip.registry_virtual-machine_address',
      'aws_eip_association.registry_virtual-machine_address-association',
      'aws_iam_instance_profile.registry_identity_instance-profile',
      'aws_iam_role.registry_identity_role',
      'aws_iam_role_policy.registry_identity_policy-image-archive',
      'aws_iam_role_policy.registry_identity_policy-images',
      'aws_iam_role_policy.registry_identity_policy-initial-access',
      'aws_instance.registry_virtual-machine_instance',
      'aws_internet_gateway.registry_network_internet-gateway',
      'aws_route.registry_network_default-route',
      'aws_route_table.registry_network_route-table',
      'aws_route_table_association.registry_network_route-table-association',
      'aws_s3_bucket.registry_bucket',
      'aws_s3_bucket_lifecycle_configuration.registry_bucket_lifecycle',
      'aws_s3_bucket_ownership_controls.registry_bucket_ownership',
      'aws_s3_bucket_policy.registry_bucket_policy',
      'aws_s3_bucket_public_access_block.registry_bucket_public-access-block',
      'aws_s3_bucket_server_side_encryption_configuration.registry_bucket_encryption',
      'aws_s3_bucket_versioning.registry_bucket_versioning',
      'aws_s3_object.registry_image-archive',
      'aws_secretsmanager_secret.registry_initial-access',
      'aws_security_group.registry_virtual-machine_security-group',
      'aws_subnet.registry_network_subnet',
      'aws_volume_attachment.registry_virtual-machine_data-volume',
      'aws_vpc.registry_network_vpc',
      'aws_vpc_endpoint.registry_network_s3-endpoint',
      'aws_vpc_security_group_egress_rule.registry_virtual-machine_egress-443',
      'aws_vpc_security_group_egress_rule.registry_virtual-machine_egress-80',
      'aws_vpc_security_group_ingress_rule.registry_virtual-machine_ingress-443-0-0-0-0-0',
    ]);
  });

  test('runs on a machine with encrypted disks that answers metadata requests with a session only', () => {
    const stack = synthRegistry();
    expect(only(stack, 'aws_instance')).toMatchObject({
      instance_type: 't3.small',
      metadata_options: { http_endpoint: 'enabled', http_tokens: 'required', http_put_response_hop_limit: 2 },
      root_block_device: { encrypted: true, volume_size: 16 },
      user_data_replace_on_change: true,
    });
    expect(only(stack, 'aws_ebs_volume')).toMatchObject({
      encrypted: true,
      size: 20,
      lifecycle: { prevent_destroy: true },
    });
  });

  test('is open on its public port, and on no other', () => {
    const stack = synthRegistry({ allowedCidrs: ['203.0.113.0/24', '2001:db8::/32'] });
    const rules = Object.values(stack.resource['aws_vpc_security_group_ingress_rule'] ?? {});
    const port = { from_port: 443, to_port: 443, ip_protocol: 'tcp' };
    expect(rules).toHaveLength(2);
    expect(rules).toContainEqual(expect.objectContaining({ ...port, cidr_ipv4: '203.0.113.0/24' }));
    expect(rules).toContainEqual(expect.objectContaining({ ...port, cidr_ipv6: '2001:db8::/32' }));
  });

  test('may connect to packages, to AWS and to its webhooks', () => {
    const notifications = [{ name: 'ci', url: 'https://ci.example.com:8443/events' }];
    const rules = synthRegistry({ notifications }).resource['aws_vpc_security_group_egress_rule'] ?? {};
    expect(new Set(Object.values(rules).map((rule) => rule['from_port']))).toEqual(new Set([80, 443, 8443]));
  });
});

describe('a container registry by option', () => {
  test('in port mode publishes the port of the name', () => {
    const stack = synthRegistry({ endpoint: { mode: 'port', host: 'gitlab.example.com', port: 5050 } });
    expect(only(stack, 'aws_vpc_security_group_ingress_rule')).toMatchObject({ from_port: 5050, to_port: 5050 });
    expect(bootScriptOf(only(stack, 'aws_instance')['user_data'] as string)).toContain('PublishPort=5050:5000');
  });

  test('makes a DNS record in a hosted zone', () => {
    const stack = synthRegistry({ hostedZoneId: 'Z1' });
    expect(only(stack, 'aws_route53_record')).toMatchObject({
      zone_id: 'Z1',
      name: 'registry.example.com',
      type: 'A',
      ttl: 300,
    });
  });

  test('switched off, keeps bucket and volume and has neither machine nor record', () => {
    const stack = synthRegistry({ enabled: false, hostedZoneId: 'Z1' });
    for (const kept of ['aws_s3_bucket', 'aws_ebs_volume', 'aws_iam_role', 'aws_subnet'])
      expect(stack.resource).toHaveProperty(kept);
    for (const removed of ['aws_instance', 'aws_eip', 'aws_route53_record', 'aws_security_group']) {
      expect(stack.resource).not.toHaveProperty(removed);
    }
  });

  test('with images on the volume, may not touch the bucket but for the image archive', () => {
    const stack = synthRegistry({ storage: { kind: 'volume' } });
    const policies = Object.values(stack.resource['aws_iam_role_policy'] ?? {});
    expect(policies.map((policy) => policy['name'])).toEqual(['image-archive', 'initial-access']);
  });

  test('removes abandoned uploads in S3 later than the server does', () => {
    const stack = synthRegistry({ uploadPurging: { age: '30h' } });
    expect(only(stack, 'aws_s3_bucket_lifecycle_configuration')['rule']).toMatchObject([
      { abort_incomplete_multipart_upload: [{ days_after_initiation: 3 }] },
      { expiration: [{ days: 3 }] },
      {},
      {},
    ]);
  });

  test('takes bucket, identity, network, volume and record that are given', () => {
    const stack = synth((scope) => {
      new ContainerRegistry(scope, 'registry', {
        ...minimalProps(),
        bucket: Bucket.fromAttributes({ bucketName: 'given-bucket', region: 'eu-west-1' }),
        identity: Identity.fromAttributes(scope, 'identity', {
          instanceProfileName: 'given-profile',
          roleName: 'given-role',
        }),
        network: Network.fromSubnetId(scope, 'subnet', 'subnet-1'),
        dataVolume: new DataVolume(scope, 'volume', { availabilityZone: 'eu-west-1a' }),
        dnsRecord: new DnsRecord(scope, 'dns', { hostedZoneId: 'Z1', name: 'registry.example.com' }),
      });
    });
    for (const made of ['aws_s3_bucket', 'aws_iam_role', 'aws_vpc']) expect(stack.resource).not.toHaveProperty(made);
    expect(only(stack, 'aws_instance')).toMatchObject({ subnet_id: 'subnet-1', iam_instance_profile: 'given-profile' });
    expect(bootScriptOf(only(stack, 'aws_instance')['user_data'] as string)).toContain('bucket: given-bucket');
    expect(only(stack, 'aws_route53_record')['records']).toHaveLength(1);
  });

  test('takes a virtual machine that is given, and boots it', () => {
    const stack = synth((scope) => {
      const network = new Network(scope, 'network');
      const virtualMachine = new VirtualMachine(scope, 'machine', {
        network,
        identity: new Identity(scope, 'identity'),
        dataVolume: new DataVolume(scope, 'volume', { availabilityZone: network.availabilityZone }),
        instanceType: 'm7i.large',
      });
      new ContainerRegistry(scope, 'registry', { ...minimalProps(), virtualMachine });
    });
    expect(only(stack, 'aws_instance')).toMatchObject({
      instance_type: 'm7i.large',
      user_data: expect.stringContaining('#cloud-config'),
    });
  });
});

describe('a container registry fails at synthesis', () => {
  test.each([
    ['ports collide', { endpoint: { mode: 'port', host: 'gitlab.example.com', port: 5000 } }, 'endpoint.port = 5000'],
    ['the internal port is 443', { internalPort: 443 }, 'choose another internalPort, such as 5000'],
    [
      'a schedule has six fields',
      { garbageCollection: { schedule: '0 5 4 * * 0' } },
      'garbageCollection.schedule = "0 5 4 * * 0"',
    ],
    ['the bucket name has a slash', { bucketName: 'a/b' }, 'bucketName = "a/b"'],
    ['a folder ends with a slash', { storage: { kind: 'bucket', prefix: 'team/' } }, 'storage.prefix = "team/"'],
    [
      'a zone is given in port mode',
      { endpoint: { mode: 'port', host: 'gitlab.example.com', port: 5050 }, hostedZoneId: 'Z1' },
      'hostedZoneId = "Z1"',
    ],
    ['data removal is not confirmed', { dataRemoval: 'destroy' }, 'set confirmDataLoss: true as well'],
    ['an ARM machine is asked for', { instanceType: 't4g.small' }, 'is an ARM machine'],
    ['an address range is none', { allowedCidrs: ['anywhere'] }, 'allowedCidrs.0 = "anywhere"'],
    ['the volume has no whole size', { dataVolumeSizeGiB: 0 }, 'sizeGiB = 0'],
  ] as [string, Partial<ContainerRegistryProps>, string][])('when %s', (_, props, message) => {
    const fault = faultOf(() => synthRegistry(props));
    expect(fault).toMatch(/^stack\/registry.* has a fault in its props:/);
    expect(fault).toContain(message);
  });

  test('when a bare number stands for a duration', () => {
    const uploadPurging = { age: 168 as unknown as '168h' };
    expect(faultOf(() => synthRegistry({ uploadPurging }))).toContain(
      'uploadPurging.age = 168: is a bare number; write its unit',
    );
  });

  test('with all faults in one report', () => {
    const fault = faultOf(() =>
      synthRegistry({ internalPort: 443, logLevel: 'loud' as 'info', confirmDataLoss: true }),
    );
    expect(fault).toMatch(/^stack\/registry has 3 faults in its props:/);
  });

  test('when options of a machine stand beside a machine that is given', () => {
    const fault = faultOf(() =>
      synth((scope) => {
        const network = new Network(scope, 'network');
        const virtualMachine = new VirtualMachine(scope, 'machine', {
          network,
          identity: new Identity(scope, 'identity'),
          dataVolume: new DataVolume(scope, 'volume', { availabilityZone: network.availabilityZone }),
        });
        new ContainerRegistry(scope, 'registry', { ...minimalProps(), virtualMachine, instanceType: 't3.large' });
      }),
    );
    expect(fault).toContain('instanceType = "(set)": has no effect on a virtualMachine that is given');
  });

  test('when the settings do not fit into the user data of a machine', () => {
    const notifications = Array.from({ length: 50 }, (_, index) => ({
      name: `receiver-${index}`,
      url: `https://receiver-${index}.example.com/events/of/the/registry`,
    }));
    expect(faultOf(() => synthRegistry({ notifications }))).toContain('EC2 takes at most 16384 bytes');
  });
});
