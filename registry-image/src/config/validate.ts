import { ConfigurationError, type ConfigurationFault } from '../errors/configuration-error.ts';
import { describeIssue, faultsOf, type Origin } from './faults.ts';
import { type Config, configSchema } from './schema.ts';

/**
 * Holds a configuration, with its keys as the schema spells them, against the schema.
 *
 * @param source names the configuration in the error, such as its file
 * @param earlier faults that were found before, to be in the same report
 * @throws ConfigurationError with every fault
 */
export function validateConfig(
  value: unknown,
  source: string,
  origin: Origin = () => undefined,
  earlier: readonly ConfigurationFault[] = [],
): Config {
  const result = configSchema.safeParse(value, { error: describeIssue });
  const faults = [...earlier, ...(result.success ? [] : faultsOf(result.error, value, origin))];
  if (!result.success || faults.length > 0) throw new ConfigurationError(source, faults);
  return result.data;
}
