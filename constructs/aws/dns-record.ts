import { Route53Record } from '@cdktf/provider-aws/lib/route53-record/index.js';
import { Construct } from 'constructs';

export interface DnsRecordProps {
  /** Route53 zone that the name is in. */
  readonly hostedZoneId: string;
  /** The whole name, such as `registry.example.com`. Changing this replaces the record. */
  readonly name: string;
  /**
   * How long resolvers may remember the answer, in seconds.
   *
   * @default 300
   */
  readonly ttlSeconds?: number;
}

/** The name under which clients find the machine. It needs an address before synthesis: `pointTo`. */
export class DnsRecord extends Construct {
  readonly name: string;
  readonly #record: Route53Record;

  constructor(scope: Construct, id: string, { hostedZoneId, name, ttlSeconds = 300 }: DnsRecordProps) {
    super(scope, id);
    this.name = name;
    this.#record = new Route53Record(this, 'record', { zoneId: hostedZoneId, name, type: 'A', ttl: ttlSeconds });
    this.node.addValidation({
      validate: () =>
        this.#record.recordsInput === undefined
          ? [`${name} points nowhere; give the record to a ContainerRegistry, or call pointTo(address)`]
          : [],
    });
  }

  /** Sets the IPv4 address that the name stands for. */
  pointTo(address: string): void {
    this.#record.records = [address];
  }
}
