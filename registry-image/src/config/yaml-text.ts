import { type Document, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml';
import type { ConfigurationFault } from '../errors/configuration-error.ts';
import { childNode, type SchemaNode } from './schema-tree.ts';

export interface YamlText {
  readonly value: unknown;
  readonly faults: readonly ConfigurationFault[];
  /** The line on which the value at a path begins, counted from 1. */
  line(path: readonly PropertyKey[]): number | undefined;
}

/**
 * Reads YAML 1.1, which distribution is written for (`yes` is a boolean). Where the schema wants text, a value is read as it is
 * written: `secret: 0123` is `0123`.
 *
 * @param schema what the schema says about the place that the text stands for
 */
export function readYaml(text: string, schema: SchemaNode | undefined): YamlText {
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { version: '1.1', lineCounter, prettyErrors: false });
  const faults = document.errors.map(({ code, message, pos }) => {
    const { line, col } = lineCounter.linePos(pos[0]);
    const what = code === 'DUPLICATE_KEY' ? 'a key is there twice; remove one of them' : `not valid YAML: ${message}`;
    return { path: '', message: `line ${line}, column ${col}: ${what}` };
  });
  keepText(document.contents, schema);
  return { value: toValue(document), faults, line: (path) => lineOf(document, lineCounter, path) };
}

function toValue(document: Document.Parsed): unknown {
  const broken = document.errors.some(({ code }) => code !== 'DUPLICATE_KEY');
  return broken ? undefined : document.toJS();
}

function keepText(node: unknown, schema: SchemaNode | undefined): void {
  if (isMap(node)) {
    for (const { key, value } of node.items) if (isScalar(key)) keepText(value, childNode(schema, String(key.value)));
  } else if (isSeq(node)) {
    for (const item of node.items) keepText(item, childNode(schema, 0));
  } else if (isScalar(node) && isText(schema) && node.value !== null && node.source !== undefined) {
    node.value = node.source;
  }
}

/** A list of texts may be given as one text. */
function isText(schema: SchemaNode | undefined): boolean {
  return schema?.kind === 'text' || (schema?.kind === 'list' && schema.items.kind === 'text');
}

function lineOf(document: Document.Parsed, lineCounter: LineCounter, path: readonly PropertyKey[]): number | undefined {
  const node = document.getIn(path, true) as Node | undefined;
  return node?.range ? lineCounter.linePos(node.range[0]).line : undefined;
}
