import { closeSync, openSync, writeSync } from 'node:fs';
import type { Payload } from './payload.ts';

const PIECE = 1024 * 1024;

export function writePayload(path: string, payload: Payload): void {
  const file = openSync(path, 'w');
  try {
    for (const piece of payload.pieces(PIECE)) writeSync(file, piece);
  } finally {
    closeSync(file);
  }
}
