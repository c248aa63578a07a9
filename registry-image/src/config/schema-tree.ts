import type { z } from 'zod';
import { configSchema } from './schema.ts';

/** What the schema says about one place of the file, as far as reading, suggesting and printing keys needs it. */
export type SchemaNode = SchemaKind & {
  /** What a key that is left out stands for, as it would be written. */
  readonly default?: unknown;
};

type SchemaKind =
  | { readonly kind: 'section'; readonly keys: Readonly<Record<string, SchemaNode>> }
  | { readonly kind: 'list'; readonly items: SchemaNode }
  /** Names chosen by the operator, such as those of header fields. */
  | { readonly kind: 'map'; readonly values: SchemaNode }
  | { readonly kind: 'text' }
  /** Numbers, booleans, and what may be several types. */
  | { readonly kind: 'value' }
  /** Taken as it is: nothing reads it, see warnings.ts. */
  | { readonly kind: 'open' }
  /** Refused with a reason wherever it is set. */
  | { readonly kind: 'refused' };

type Schema = z.core.$ZodTypes;

function nodeOf(schema: Schema): SchemaNode {
  const { def } = schema._zod;
  switch (def.type) {
    case 'object': {
      const keys = Object.entries(def.shape).map(([key, value]) => [key, nodeOf(value as Schema)] as const);
      return { kind: 'section', keys: Object.fromEntries(keys) };
    }
    case 'array':
      return { kind: 'list', items: nodeOf(def.element as Schema) };
    case 'record':
      return { kind: 'map', values: nodeOf(def.valueType as Schema) };
    case 'optional':
      return nodeOf(def.innerType as Schema);
    case 'default':
    case 'prefault':
      return { ...nodeOf(def.innerType as Schema), default: def.defaultValue };
    case 'pipe':
      return nodeOf(def.in as Schema);
    case 'string':
    case 'enum':
      return { kind: 'text' };
    case 'unknown':
      return { kind: 'open' };
    case 'never':
      return { kind: 'refused' };
    default:
      return { kind: 'value' };
  }
}

export const SCHEMA_TREE = nodeOf(configSchema as unknown as Schema);

/** The node under a key of a section or map, or at an index of a list; `undefined` where the schema knows no such key. */
export function childNode(node: SchemaNode | undefined, key: PropertyKey): SchemaNode | undefined {
  if (node?.kind === 'section') return Object.hasOwn(node.keys, key) ? node.keys[String(key)] : undefined;
  if (node?.kind === 'list') return node.items;
  if (node?.kind === 'map') return node.values;
  return node?.kind === 'open' ? node : undefined;
}

export function nodeAt(path: readonly PropertyKey[]): SchemaNode | undefined {
  return path.reduce<SchemaNode | undefined>(childNode, SCHEMA_TREE);
}

/** Every key that holds a value, in the order of the schema: `http.tls.clientcas`, `notifications.endpoints.*.url`. */
export function leafKeys(node: SchemaNode = SCHEMA_TREE, path = ''): readonly string[] {
  const below = (key: string, child: SchemaNode) => leafKeys(child, path === '' ? key : `${path}.${key}`);
  if (node.kind === 'section') {
    const keys = Object.entries(node.keys);
    return keys.length === 0 ? [path] : keys.flatMap(([key, child]) => below(key, child));
  }
  if (node.kind === 'list' && node.items.kind === 'section') return below('*', node.items);
  return [path];
}
