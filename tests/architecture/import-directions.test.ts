import { describe, expect, test } from '@jest/globals';
import { importsOf, sourceFiles } from './source-files.ts';

const SERVER = 'registry-image/src';

/**
 * What each room of the server may import beside itself: a request travels one way, route, core, storage. The type of the
 * configuration is everybody's.
 */
const DIRECTIONS: Readonly<Record<string, readonly string[]>> = {
  errors: [],
  keys: [],
  config: ['errors'],
  storage: [],
  metadata: [],
  registry: ['storage', 'metadata', 'errors'],
  auth: ['keys', 'errors'],
  http: ['auth', 'registry', 'errors'],
  tls: ['keys', 'errors'],
};

/** Files that put rooms together, and so may import any; of these, only app.ts knows HTTP. */
const COMPOSERS = ['app.ts', 'serve.ts', 'processes', 'reindex.ts', 'main.ts', 'log.ts', 'cli'];

/** The first part of a path below src: a room, or a file that stands beside the rooms. */
function roomOf(file: string): string {
  return file.slice(SERVER.length + 1).split('/')[0] as string;
}

describe('import directions', () => {
  const files = sourceFiles(SERVER);

  test('every room of the server is known here', () => {
    expect([...new Set(files.map(roomOf))].sort()).toEqual(expect.arrayContaining(Object.keys(DIRECTIONS).sort()));
    for (const file of files) expect([...Object.keys(DIRECTIONS), ...COMPOSERS]).toContain(roomOf(file));
  });

  test.each(Object.entries(DIRECTIONS))('%s imports itself and %j, nothing else', (room, allowed) => {
    const wrong = files
      .filter((file) => roomOf(file) === room)
      .flatMap((file) =>
        importsOf(file)
          .filter((imported) => imported.file?.startsWith(`${SERVER}/`))
          .filter(({ file: target = '', typeOnly }) => {
            const targetRoom = roomOf(target);
            const known = targetRoom === room || allowed.includes(targetRoom);
            return !known && !(typeOnly && targetRoom === 'config');
          })
          .map(({ specifier }) => `${file} imports ${specifier}`),
      );
    expect(wrong).toEqual([]);
  });

  test('only app.ts imports http', () => {
    const importers = files.filter(
      (file) =>
        roomOf(file) !== 'http' && importsOf(file).some((imported) => imported.file?.startsWith(`${SERVER}/http/`)),
    );
    expect(importers).toEqual([`${SERVER}/app.ts`]);
  });

  test('nothing of the server imports constructs, stacks or CDKTF', () => {
    const wrong = files.flatMap((file) =>
      importsOf(file)
        .filter(
          ({ specifier, file: target }) =>
            /^(@?cdktf|@?cdktn|constructs)(\/|$)/.test(specifier) ||
            (target !== undefined && !target.startsWith('registry-image/')),
        )
        .map(({ specifier }) => `${file} imports ${specifier}`),
    );
    expect(wrong).toEqual([]);
  });

  test('constructs and stacks import of the server its configuration, and the report of its faults, alone', () => {
    const allowed = [`${SERVER}/config/`, `${SERVER}/errors/configuration-error.ts`];
    const wrong = [...sourceFiles('constructs'), ...sourceFiles('stacks')].flatMap((file) =>
      importsOf(file)
        .filter(
          ({ file: target }) =>
            target?.startsWith('registry-image/') && !allowed.some((path) => target.startsWith(path)),
        )
        .map(({ specifier }) => `${file} imports ${specifier}`),
    );
    expect(wrong).toEqual([]);
  });

  test('constructs do not import stacks', () => {
    const wrong = sourceFiles('constructs').filter((file) =>
      importsOf(file).some(({ file: target }) => target?.startsWith('stacks/')),
    );
    expect(wrong).toEqual([]);
  });

  test.each([SERVER, 'constructs', 'stacks'])('%s has no import cycle', (directory) => {
    expect(findCycle(sourceFiles(directory))).toBeUndefined();
  });
});

/** The files of one cycle, the first again at the end; `undefined` when there is none. */
function findCycle(files: readonly string[]): string[] | undefined {
  const finished = new Set<string>();
  const visit = (file: string, way: readonly string[]): string[] | undefined => {
    if (way.includes(file)) return [...way.slice(way.indexOf(file)), file];
    if (finished.has(file) || !files.includes(file)) return undefined;
    for (const imported of importsOf(file)) {
      const cycle = imported.file === undefined ? undefined : visit(imported.file, [...way, file]);
      if (cycle !== undefined) return cycle;
    }
    finished.add(file);
    return undefined;
  };
  for (const file of files) {
    const cycle = visit(file, []);
    if (cycle !== undefined) return cycle;
  }
  return undefined;
}
