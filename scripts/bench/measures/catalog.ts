import { REPOSITORIES } from '../data-set.ts';
import { walkCatalog } from '../load/catalog.ts';
import type { ServedMeasure } from './measure.ts';

/** All repositories, by pages of so many. */
export function catalogWalk(pageSize: number): ServedMeasure {
  return {
    unit: 's',
    better: 'less',
    cpu: 'ms/walk',
    warm: async ({ url }, { tokens }) => {
      const names = await walkCatalog(url, tokens.catalog, pageSize);
      if (names.length < REPOSITORIES)
        throw new Error(`the catalog has ${names.length} of ${REPOSITORIES} repositories`);
    },
    run: async ({ url }, { tokens, scale }) => {
      const started = performance.now();
      const elapsed = () => (performance.now() - started) / 1000;
      let walks = 0;
      do {
        await walkCatalog(url, tokens.catalog, pageSize);
        walks += 1;
      } while (elapsed() < scale.seconds);
      return { value: elapsed() / walks, work: walks };
    },
  };
}
