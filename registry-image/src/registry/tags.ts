import { RegistryError } from '../errors/registry-error.ts';
import type { MetadataStore, Page } from '../metadata/metadata-store.ts';
import { deletesDisabled } from './blobs.ts';
import { type Changes, wholeRepository } from './changes.ts';
import type { RepositoryName, Tag } from './reference.ts';
import type { RepositoryStorage } from './repository-storage.ts';

export type { Page };

export interface TagsOptions {
  readonly storage: RepositoryStorage;
  readonly metadata: MetadataStore;
  readonly changes: Changes;
  readonly deletesAllowed: boolean;
}

export interface NamePage {
  readonly names: readonly string[];
  /** Whether there are names after these. */
  readonly more: boolean;
}

/** Tags of repositories: https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#listing-tags */
export class Tags {
  readonly #options: TagsOptions;

  constructor(options: TagsOptions) {
    this.#options = options;
  }

  /** @throws RegistryError NAME_UNKNOWN */
  async list(repository: RepositoryName, page: Page): Promise<NamePage> {
    const { metadata } = this.#options;
    const names = await metadata.listTags(repository, { ...page, limit: page.limit + 1 });
    if (names.length === 0 && !(await metadata.hasRepository(repository))) {
      throw new RegistryError('NAME_UNKNOWN', { detail: { name: repository } });
    }
    return toPage(names, page.limit);
  }

  /** Removes a tag; the manifest stays. @throws RegistryError MANIFEST_UNKNOWN, UNSUPPORTED */
  async delete(repository: RepositoryName, tag: Tag): Promise<void> {
    const { changes, deletesAllowed, metadata, storage } = this.#options;
    if (!deletesAllowed) throw deletesDisabled();
    await changes.run({
      things: [wholeRepository(repository), { repository, kind: 'tag', key: tag }],
      check: async () => {
        if ((await metadata.findTaggedManifest(repository, tag)) !== undefined) return;
        throw new RegistryError('MANIFEST_UNKNOWN', { detail: { name: repository, tag } });
      },
      make: async (intents) => {
        await storage.deleteTag(repository, tag);
        await metadata.deleteTag(repository, tag, { intents });
      },
    });
  }
}

/** A page out of one name more than it holds, which tells whether there is another page. */
export function toPage(names: readonly string[], limit: number): NamePage {
  return { names: names.slice(0, limit), more: names.length > limit };
}
