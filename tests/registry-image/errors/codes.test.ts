import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { ERROR_CODES } from '../../../registry-image/src/errors/codes.ts';

const DOCS = path.resolve(import.meta.dirname, '../../../docs/errors.md');

describe('docs/errors.md', () => {
  const documented = new Map(
    [...readFileSync(DOCS, 'utf8').matchAll(/^\| `([A-Z_]+)` \| (\d{3}) \| (OCI|distribution) \|/gm)].map(
      ([, code, status, from]) => [code, { status: Number(status), from }],
    ),
  );

  test('lists every code that an error can have, with its status and where it comes from, and no other', () => {
    const codes = Object.entries(ERROR_CODES).map(([code, { status, spec }]) => [
      code,
      { status, from: spec.includes('opencontainers') ? 'OCI' : 'distribution' },
    ]);
    expect(Object.fromEntries(documented)).toEqual(Object.fromEntries(codes));
  });
});
