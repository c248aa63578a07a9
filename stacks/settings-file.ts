import { readFileSync } from 'node:fs';
import { parseDocument } from 'yaml';
import { z } from 'zod';
import { describeIssue } from '../registry-image/src/config/faults.ts';
import { nearest } from '../registry-image/src/config/nearest.ts';
import { ConfigurationError, type ConfigurationFault } from '../registry-image/src/errors/configuration-error.ts';

/**
 * Reads a YAML file of options against a schema of strict objects.
 *
 * @throws ConfigurationError with every fault of the file
 */
export function readSettingsFile<Schema extends z.ZodType>(file: string, schema: Schema): z.output<Schema> {
  const document = parseDocument(readText(file));
  if (document.errors.length > 0) {
    // The first line says what and where; the rest draws it.
    const faults = document.errors.map(({ message }) => ({ path: '', message: message.split('\n')[0] as string }));
    throw new ConfigurationError(file, faults);
  }
  const values: unknown = document.toJS() ?? {};
  const result = schema.safeParse(values, { error: describeIssue });
  if (result.success) return result.data;
  throw new ConfigurationError(
    file,
    result.error.issues.flatMap((issue) => faultsOf(issue, schema, values)),
  );
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const message = `cannot be read (${(error as NodeJS.ErrnoException).code}); copy the example beside it and change what differs`;
    throw new ConfigurationError(file, [{ path: '', message }]);
  }
}

function faultsOf(issue: z.core.$ZodIssue, schema: z.ZodType, values: unknown): readonly ConfigurationFault[] {
  const at = issue.path.map(String);
  if (issue.code === 'unrecognized_keys') {
    const known = keysAt(schema, at);
    return issue.keys.map((key) => {
      const meant = nearest(key, known);
      const advice = meant === undefined ? `allowed are ${known.join(', ')}` : `did you mean ${meant}?`;
      return { path: [...at, key].join('.'), message: `is not an option; ${advice}` };
    });
  }
  const value = at.reduce<unknown>((inside, key) => (inside as Record<string, unknown> | undefined)?.[key], values);
  const received = value === undefined || typeof value === 'object' ? '' : ` (received ${JSON.stringify(value)})`;
  return [{ path: at.join('.'), message: `${issue.message}${received}` }];
}

/** The keys that an object at this place may have, in whichever of its forms. */
function keysAt(schema: z.core.$ZodType, path: readonly string[]): readonly string[] {
  if (schema instanceof z.ZodExactOptional || schema instanceof z.ZodDefault) return keysAt(schema.def.innerType, path);
  if (schema instanceof z.ZodUnion) return [...new Set(schema.options.flatMap((option) => keysAt(option, path)))];
  if (schema instanceof z.ZodArray) return keysAt(schema.element, path.slice(1));
  if (!(schema instanceof z.ZodObject)) return [];
  const [key, ...rest] = path;
  if (key === undefined) return Object.keys(schema.shape);
  const inner = schema.shape[key];
  return inner === undefined ? [] : keysAt(inner, rest);
}
