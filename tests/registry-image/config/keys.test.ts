import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { parseConfig } from '../../../registry-image/src/config/load.ts';
import { leafKeys, nodeAt } from '../../../registry-image/src/config/schema-tree.ts';
import { KEYS_WITHOUT_EFFECT } from '../../../registry-image/src/config/warnings.ts';
import { READ_BY, SATISFIED } from './read-by.ts';

const REPOSITORY = path.resolve(import.meta.dirname, '../../..');
const DOCS = readFileSync(path.join(REPOSITORY, 'docs/configuration.md'), 'utf8');

function pathOf(key: string) {
  return key.split('.').map((part) => (part === '*' ? 0 : part));
}

const KEYS = leafKeys();
const REFUSED = KEYS.filter((key) => nodeAt(pathOf(key))?.kind === 'refused');
const WITHOUT_EFFECT = KEYS.filter((key) =>
  KEYS_WITHOUT_EFFECT.some((without) => key === without.key || key.startsWith(`${without.key}.`)),
);

/** Rows of the tables under `## <heading>`, by the key in their first column. */
function documented(heading: string): ReadonlyMap<string, string> {
  const chapter = DOCS.split(/^## /m).find((text) => text.startsWith(`${heading}\n`)) as string;
  const rows = [...chapter.matchAll(/^\| (`[^|]+) \| ([^|]*) \|/gm)];
  return new Map(
    rows.flatMap(([, first = '', second = '']) =>
      // In parentheses stand the values that a row is about.
      [...first.replace(/\(.*\)/, '').matchAll(/`([a-z][\w.*]+)`/g)].map(
        ([, key]) => [key as string, second.trim()] as const,
      ),
    ),
  );
}

describe('no key is silently without effect', () => {
  test('every key is read by something, says what is so anyway, is refused, or is warned of', () => {
    const accounted = new Set([...Object.keys(READ_BY), ...SATISFIED, ...REFUSED, ...WITHOUT_EFFECT]);
    expect(KEYS.filter((key) => !accounted.has(key))).toEqual([]);
    expect([...accounted].filter((key) => !KEYS.includes(key))).toEqual([]);
  });

  test.each(Object.entries(READ_BY))('%s is read in %s', (key, file) => {
    const name = key.split('.').at(-1) as string;
    const source = readFileSync(path.join(REPOSITORY, 'registry-image/src', file), 'utf8');
    expect(source).toMatch(new RegExp(`\\b${name}\\b`));
  });

  test('every key that is warned of is one of the schema', () => {
    expect(KEYS_WITHOUT_EFFECT.filter(({ key }) => nodeAt(pathOf(key)) === undefined)).toEqual([]);
  });
});

describe('docs/configuration.md', () => {
  test('lists every key that has an effect, with its default, and no other', () => {
    const rows = documented('Keys');
    const expected = KEYS.filter((key) => key in READ_BY || SATISFIED.includes(key)).map((key) => {
      const value = nodeAt(pathOf(key))?.default;
      const shown = typeof value === 'string' && value !== '' ? value : JSON.stringify(value);
      return [key, value === undefined ? '' : `\`${shown}\``] as const;
    });
    const compact = [...rows].map(([key, shown]) => [key, shown.replace(/([,:]) /g, '$1')] as const);
    expect(Object.fromEntries(compact)).toEqual(Object.fromEntries(expected));
  });

  test('lists every key without effect, with the reason that the warning gives', () => {
    const reasons = KEYS_WITHOUT_EFFECT.map(({ key, reason }) => [key, reason]);
    expect(Object.fromEntries(documented('Keys without effect'))).toEqual(Object.fromEntries(reasons));
  });

  test('lists every key that is refused', () => {
    expect([...documented('Keys that are refused').keys()]).toEqual(expect.arrayContaining(REFUSED));
  });

  test('has examples that are valid and without warnings', () => {
    const examples = [...DOCS.matchAll(/^```yaml\n(.*?)^```/gms)].map(([, yaml]) => yaml as string);
    expect(examples).toHaveLength(2);
    for (const example of examples) expect(parseConfig(example, 'example', {}).warnings).toEqual([]);
  });
});
