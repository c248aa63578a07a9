import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';

export const ROOT = path.resolve(import.meta.dirname, '../..');

export interface Import {
  /** As written: a relative path, or the name of a package. */
  readonly specifier: string;
  /** From the root of the repository, for a relative path; else `undefined`. */
  readonly file: string | undefined;
  /** Types alone: gone when the program runs. */
  readonly typeOnly: boolean;
}

/** TypeScript sources below a directory, by their path from the root of the repository. */
export function sourceFiles(directory: string): string[] {
  return globSync(`${directory}/**/*.ts`, {
    cwd: ROOT,
    exclude: (file) => String(file).includes('node_modules'),
  }).sort();
}

export function readSource(file: string): string {
  return readFileSync(path.join(ROOT, file), 'utf8');
}

const STATIC_IMPORT = /^(?:import|export)\s+(type\s+)?(?:[^'";]*?\sfrom\s+)?'([^']+)'/gm;
const DYNAMIC_IMPORT = /\bimport\(\s*'([^']+)'\s*\)/g;

/** Everything that a file imports, in whichever way. */
export function importsOf(file: string): Import[] {
  const source = readSource(file);
  const found = [
    ...[...source.matchAll(STATIC_IMPORT)].map(([, type, specifier]) => ({ specifier, typeOnly: type !== undefined })),
    ...[...source.matchAll(DYNAMIC_IMPORT)].map(([, specifier]) => ({ specifier, typeOnly: false })),
  ];
  return found.map(({ specifier, typeOnly }) => ({
    specifier: specifier as string,
    file: specifier?.startsWith('.') ? path.posix.join(path.posix.dirname(file), specifier) : undefined,
    typeOnly,
  }));
}
