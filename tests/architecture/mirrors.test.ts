import { existsSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { ROOT, sourceFiles } from './source-files.ts';

/** Where the sources are whose tests stand below a directory. */
const MIRRORED = [
  ['tests/registry-image', 'registry-image/src'],
  ['tests/constructs', 'constructs'],
  ['tests/stacks', 'stacks'],
] as const;

describe('tests mirror sources', () => {
  test.each(MIRRORED)(
    'below %s each directory is one below %s, and a test with the name of a source stands as that does',
    (tests, sources) => {
      const known = sourceFiles(sources);
      const strays = sourceFiles(tests)
        .filter((file) => file.endsWith('.test.ts'))
        .filter((file) => {
          const source = file.replace(tests, sources).replace(/\.test\.ts$/, '.ts');
          const namesakes = known.filter((each) => path.basename(each) === path.basename(source));
          const inKnownDirectory = existsSync(path.join(ROOT, path.dirname(source)));
          return !inKnownDirectory || (namesakes.length > 0 && !namesakes.includes(source));
        });
      expect(strays).toEqual([]);
    },
  );
});
