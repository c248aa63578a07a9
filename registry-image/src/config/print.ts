import { stringify } from 'yaml';
import { withDefaults } from './effective.ts';
import type { Config } from './schema.ts';
import { redact } from './secrets.ts';
import { describeTokenPair } from './token-pair.ts';

/**
 * A configuration with its defaults as YAML that can be used as a file again, and below it, as comments, what registry and token
 * endpoint have to agree about.
 *
 * @param value the configuration before the schema
 */
export function printConfig(config: Config, value: unknown, { redacted }: { readonly redacted: boolean }): string {
  const effective = withDefaults(value);
  const yaml = stringify(redacted ? redact(effective) : effective, { lineWidth: 0 });
  const pair = describeTokenPair(config).map((line) => `# ${line}\n`);
  return pair.length === 0 ? yaml : `${yaml}\n# Token login:\n${pair.join('')}`;
}
