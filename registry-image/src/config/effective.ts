import { isSection } from './raw-config.ts';
import { SCHEMA_TREE, type SchemaNode } from './schema-tree.ts';

/** A configuration with the defaults of the keys that it leaves out, in the order of the schema, as a file would hold it. */
export function withDefaults(value: unknown, node: SchemaNode = SCHEMA_TREE): unknown {
  const given = value ?? node.default;
  if (node.kind === 'list' && Array.isArray(given)) return given.map((item) => withDefaults(item, node.items));
  if (node.kind !== 'section' || !isSection(given)) return given;
  const known = Object.entries(node.keys).map(([key, child]) => [key, withDefaults(given[key], child)] as const);
  const open = Object.entries(given).filter(([key]) => !Object.hasOwn(node.keys, key));
  return Object.fromEntries([...known, ...open].filter(([, item]) => item !== undefined));
}
