/**
 * A process that counts in an index, one write after the other, beside others that do so as well: `sqlite-writer.ts FILE TIMES`.
 * Each write reads the number and puts back one more. With TIMES `hold` it takes the lock of the index's owner and keeps it.
 */

import { openSqlite } from '../../../registry-image/src/metadata/sqlite.ts';
import { ownSqlite } from '../../../registry-image/src/metadata/sqlite-owner.ts';
import { firstRowOf, run } from '../../../registry-image/src/metadata/transaction.ts';

const [file = '', times = ''] = process.argv.slice(2);

if (times === 'hold') {
  const disown = ownSqlite(file);
  console.log('held');
  setTimeout(disown, 60_000);
} else {
  const index = openSqlite(file);
  const { queries } = index;
  for (let time = 0; time < Number(times); time += 1) {
    await index.write(function* () {
      const row = yield* firstRowOf(queries.selectFrom('settings').select('value').where('name', '=', 'count'));
      const value = String(Number(row?.value) + 1);
      yield* run(queries.updateTable('settings').set({ value }).where('name', '=', 'count'));
    });
  }
  await index.close();
}
