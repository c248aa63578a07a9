import { childNode, SCHEMA_TREE, type SchemaNode } from './schema-tree.ts';

export const HIDDEN = '(hidden)';

/** Keys that hold a secret; everything below them does too. */
const SECRET_KEYS = [
  /^storage\.s3\.(secretkey|sessiontoken)$/,
  /^storage\.azure\.(accountkey|credentials\.secret)$/,
  /^storage\.swift\.(password|secretkey|applicationcredentialsecret)$/,
  /^storage\.gcs\.credentials\.private_key$/,
  /^storage\.oss\.accesskeysecret$/,
  /^http\.secret$/,
  /^notifications\.endpoints\.\d+\.headers\./,
];

/** Names that mean a secret in sections that are taken as they are, where the schema does not say more. */
const SECRET_NAMES =
  /password|secret|token|apikey|licensekey|accesskey|accountkey|privatekey|credentials|authorization|dsn/i;

/** Whether the value at this path is never shown. */
export function isSecret(path: readonly PropertyKey[]): boolean {
  if (path.length === 0) return false;
  const dotted = path.map(String);
  if (SECRET_KEYS.some((key) => key.test(dotted.join('.')))) return true;
  let node: SchemaNode | undefined = SCHEMA_TREE;
  for (const key of dotted) {
    node = childNode(node, key);
    if ((node === undefined || node.kind === 'open') && SECRET_NAMES.test(key)) return true;
  }
  return false;
}

/** Text without the user names and passwords of URLs in it. */
export function withoutCredentials(text: string): string {
  return text.replace(/:\/\/[^\s/]*@/g, `://${HIDDEN}@`).replace(/([?&]password=)[^&\s]*/gi, `$1${HIDDEN}`);
}

/** A copy of a configuration in which every secret is replaced by `(hidden)`. */
export function redact(value: unknown, path: readonly PropertyKey[] = []): unknown {
  if (value === undefined || value === null) return value;
  if (isSecret(path)) return HIDDEN;
  if (typeof value === 'string') return withoutCredentials(value);
  if (Array.isArray(value)) return value.map((item, index) => redact(item, [...path, index]));
  if (typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, redact(item, [...path, key])]));
}
