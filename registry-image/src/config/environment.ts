import type { ConfigurationFault } from '../errors/configuration-error.ts';
import { nearest } from './nearest.ts';
import { isSection, type Section, valueAt } from './raw-config.ts';
import { childNode, leafKeys, nodeAt, SCHEMA_TREE, type SchemaNode } from './schema-tree.ts';
import { currentPath, OLDER_PATHS } from './spellings.ts';
import { readYaml } from './yaml-text.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

export interface Overrides {
  readonly value: Section;
  readonly warnings: readonly string[];
  readonly faults: readonly ConfigurationFault[];
  /** The variable that set the value at a path, a part of it, or the section that it is in. */
  variable(path: readonly PropertyKey[]): string | undefined;
}

const PREFIX = 'REGISTRY_';

/** Variables with the prefix that mean something else: where the file is (read by the command line), and podman's login file. */
const OTHER_VARIABLES = new Set(['REGISTRY_CONFIGURATION_PATH', 'REGISTRY_AUTH_FILE']);

/**
 * Puts the values of `REGISTRY_…` variables in place of those of the file, as distribution does
 * (https://distribution.github.io/distribution/about/configuration/#override-specific-configuration-options):
 * `REGISTRY_HTTP_TLS_CLIENTCAS_0` is `http.tls.clientcas[0]`, `REGISTRY_STORAGE=s3` replaces the whole section.
 * Values are YAML, text is taken as it stands, and an empty one leaves the key out. Variables are applied in the order of their names, sections before what is in them.
 *
 * @returns a new value, and a warning for every variable that names no key
 */
export function applyEnvironment(file: Section, environment: Environment): Overrides {
  const value = structuredClone(file);
  const warnings: string[] = [];
  const faults: ConfigurationFault[] = [];
  const set: { readonly path: string; readonly name: string }[] = [];
  for (const name of Object.keys(environment).sort(byNumber)) {
    const text = environment[name];
    if (!name.startsWith(PREFIX) || text === undefined || OTHER_VARIABLES.has(name)) continue;
    const path = pathOf(name.slice(PREFIX.length), value);
    if (path === undefined) {
      warnings.push(`${name} names no key of the configuration and is ignored${suggestion(name)}`);
      continue;
    }
    const parsed = parse(text, nodeAt(path));
    for (const { message } of parsed.faults) faults.push({ path: path.join('.'), message: `in ${name}, ${message}` });
    if (parsed.faults.length > 0) continue;
    if (!assign(value, path, parsed.value)) {
      faults.push({
        path: path.join('.'),
        message: `${name} leaves a gap in the list; number its items from 0, one by one`,
      });
    }
    set.push({ path: `${path.join('.')}.`, name });
  }
  const variable = (path: readonly PropertyKey[]) => {
    const key = `${path.map(String).join('.')}.`;
    return set.findLast((entry) => key.startsWith(entry.path) || entry.path.startsWith(key))?.name;
  };
  return { value, warnings, faults, variable };
}

/** `…_2` before `…_10`, and a section before what is in it. */
function byNumber(left: string, right: string): number {
  return left.localeCompare(right, 'en', { numeric: true });
}

/** `HTTP_TLS_CLIENTCAS_0` as the path of a key, or `undefined` when the schema knows none. Names of keys may contain `_`. */
function pathOf(name: string, value: Section): readonly string[] | undefined {
  const found = match(name, SCHEMA_TREE, value);
  if (found !== undefined) return found;
  for (const older of OLDER_PATHS) {
    const prefix = older.join('_').toUpperCase();
    if (name !== prefix && !name.startsWith(`${prefix}_`)) continue;
    const path = currentPath(older);
    const rest = match(name.slice(prefix.length + 1), nodeAt(path), valueAt(value, path));
    if (rest !== undefined) return [...path, ...rest];
  }
  return undefined;
}

function match(name: string, node: SchemaNode | undefined, value: unknown): readonly string[] | undefined {
  if (name === '') return [];
  if (node?.kind === 'section') return matchKey(name, node, Object.keys(node.keys), value);
  if (node?.kind === 'list') return matchIndex(name, node, value);
  if (node?.kind === 'map') return matchName(name, node, value);
  if (node?.kind === 'open') return name.toLowerCase().split('_');
  return undefined;
}

function matchKey(
  name: string,
  node: SchemaNode,
  keys: readonly string[],
  value: unknown,
): readonly string[] | undefined {
  for (const key of keys) {
    const prefix = key.toUpperCase();
    if (name.toUpperCase() !== prefix && !name.toUpperCase().startsWith(`${prefix}_`)) continue;
    const rest = match(name.slice(prefix.length + 1), childNode(node, key), valueAt(value, [key]));
    if (rest !== undefined) return [key, ...rest];
  }
  return undefined;
}

function matchIndex(name: string, node: SchemaNode, value: unknown): readonly string[] | undefined {
  const [, index, rest = ''] = /^(\d+)(?:_(.+))?$/.exec(name) ?? [];
  if (index === undefined) return undefined;
  const below = match(rest, childNode(node, index), valueAt(value, [index]));
  return below === undefined ? undefined : [index, ...below];
}

/** A name that the operator has chosen: one that the file has, in any case, or else a new one. */
function matchName(name: string, node: SchemaNode, value: unknown): readonly string[] | undefined {
  const known = isSection(value) ? matchKey(name, node, Object.keys(value), value) : undefined;
  if (known !== undefined) return known;
  const [, key = name, index] = (childNode(node, '')?.kind === 'list' && /^(.+)_(\d+)$/.exec(name)) || [];
  const written = /[a-z]/.test(key) ? key : key.toLowerCase();
  return index === undefined ? [written] : [written, index];
}

function parse(text: string, node: SchemaNode | undefined) {
  if (text.trim() === '') return { value: null, faults: [] };
  const yaml = readYaml(text, node);
  const quoted = /^\s*(["']).*\1\s*$/s.test(text);
  // A password may look like YAML that it is not.
  return node?.kind === 'text' && !(quoted && yaml.faults.length === 0) ? { value: text, faults: [] } : yaml;
}

/** @returns false, with nothing changed, for an index behind the end of a list */
function assign(config: Section, path: readonly string[], value: unknown): boolean {
  let target: unknown = config;
  for (const [at, key] of path.entries()) {
    if (Array.isArray(target) && Number(key) > target.length) return false;
    const items = target as Section;
    if (at === path.length - 1) items[key] = value;
    else items[key] = container(items[key], nodeAt(path.slice(0, at + 1)));
    target = items[key];
  }
  return true;
}

function container(current: unknown, node: SchemaNode | undefined): unknown {
  if (typeof current === 'object' && current !== null) return current;
  if (node?.kind === 'list') return [];
  // `storage: s3` stands for a section with one key.
  return typeof current === 'string' ? { [current]: {} } : {};
}

function suggestion(name: string): string {
  const variables = leafKeys().map((key) => PREFIX + key.replace('*', '0').replaceAll('.', '_').toUpperCase());
  const meant = nearest(name.replace(/_\d+(?=_|$)/g, '_0'), variables);
  return meant === undefined ? '' : `; the nearest one that does is ${meant}`;
}
