import { describe, expect, test } from '@jest/globals';
import { readSource, sourceFiles } from './source-files.ts';

interface OptionalMember {
  readonly name: string;
  /** The doc comment right above it; empty without one. */
  readonly comment: string;
}

const OPTIONAL_MEMBER = /(\/\*\*(?:(?!\*\/)[\s\S])*\*\/\s*)?^ +(?:readonly )?(\w+)\?:/gm;

/** Optional members of the exported interfaces of a file, those of behaviour (`IThing`) left out: they are no options. */
function optionalMembers(file: string): OptionalMember[] {
  const interfaces = readSource(file).matchAll(/^export interface (?!I[A-Z])[^{]+\{$[\s\S]*?^\}$/gm);
  return [...interfaces].flatMap(([body]) =>
    [...body.matchAll(OPTIONAL_MEMBER)].map(([, comment, name]) => ({ name: name as string, comment: comment ?? '' })),
  );
}

describe('options of the constructs', () => {
  const files = sourceFiles('constructs').filter((file) => optionalMembers(file).length > 0);

  test('are found by this test', () => {
    expect(files.length).toBeGreaterThan(3);
  });

  test.each(files)('%s says the default of every optional one', (file) => {
    const silent = optionalMembers(file).filter(({ comment }) => !/@default \S/.test(comment));
    expect(silent.map(({ name }) => name)).toEqual([]);
  });

  test.each(files)('%s has no default of "undefined": it says what happens', (file) => {
    const empty = optionalMembers(file).filter(({ comment }) => /@default (- )?undefined/.test(comment));
    expect(empty.map(({ name }) => name)).toEqual([]);
  });
});
