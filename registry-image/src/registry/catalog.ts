import type { MetadataStore, Page } from '../metadata/metadata-store.ts';
import { type NamePage, toPage } from './tags.ts';

/** Every repository: https://distribution.github.io/distribution/spec/api/#listing-repositories */
export class Catalog {
  readonly #metadata: MetadataStore;

  constructor(metadata: MetadataStore) {
    this.#metadata = metadata;
  }

  async list(page: Page): Promise<NamePage> {
    return toPage(await this.#metadata.listRepositories({ ...page, limit: page.limit + 1 }), page.limit);
  }
}
