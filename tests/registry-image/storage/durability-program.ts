import { accessSync } from 'node:fs';
import { FilesystemDriver } from '../../../registry-image/src/storage/filesystem.ts';

/** Run under strace by filesystem-durability.test.ts: does what the server does, and marks in the trace when each is done. */
const root = process.argv[2] as string;

function mark(name: string): void {
  try {
    accessSync(`/marks/${name}`);
  } catch {
    // It never exists: the attempt is what the trace shows.
  }
}

const driver = await FilesystemDriver.open({ rootdirectory: root });

await driver.write('docker/registry/v2/repositories/a/_layers/sha256/x/link', Buffer.from('written'));
mark('written');

await driver.write('docker/registry/v2/repositories/a/_layers/sha256/x/link', Buffer.from('replaced'));
mark('replaced');

const upload = await driver.openUpload('uploads/1/data');
await upload.append(bytes());
await upload.complete();
mark('completed');

await driver.move('uploads/1/data', 'docker/registry/v2/blobs/sha256/ab/abcd/data');
mark('moved');

async function* bytes(): AsyncGenerator<Uint8Array> {
  for (let chunk = 0; chunk < 3; chunk += 1) yield Buffer.alloc(100_000, chunk);
}
