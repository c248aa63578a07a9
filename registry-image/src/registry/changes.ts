import type { Conflicts, Intent, IntentRow } from '../metadata/intents.ts';
import type { MetadataStore } from '../metadata/metadata-store.ts';
import { KeyedMutex } from './keyed-mutex.ts';

/** Pauses between two looks at a change of another process that is in the way. */
const FIRST_PAUSE_MS = 5;
const LONGEST_PAUSE_MS = 200;

/** How long to wait for another process; its changes take as long as a few writes to storage. */
const PATIENCE_MS = 60_000;

/** Brings the index in line with storage where changes were begun and not ended. */
export interface FollowUp {
  followUp(intents: readonly IntentRow[]): Promise<void>;
}

export interface Change<T> {
  /** What is changed; nothing else changes it meanwhile, in this process or another. */
  readonly things: readonly Intent[];
  /** Looks at what must hold before storage is touched; throws to refuse. */
  readonly check?: () => Promise<void>;
  /** Writes storage, then the index, which strikes the intents. */
  readonly make: (intents: readonly string[]) => Promise<T>;
}

/** The intent that keeps everything else in a repository from changing, but for blobs that are added. */
export function wholeRepository(repository: string): Intent {
  return { repository, kind: 'repository', key: '' };
}

/**
 * Changes of storage and index together. Each is announced in the index first, which also keeps others from changing the same
 * things: requests of this process by a mutex, so that they take turns, and those of other processes by the announcement.
 *
 * A change that fails half way is followed up at once, and one whose process has died by whoever comes upon it. A process that was
 * taken for dead, and has written to storage after others had followed its change up, follows it up once more.
 */
export class Changes {
  readonly #metadata: MetadataStore;
  readonly #followUp: FollowUp;
  readonly #mutex = new KeyedMutex();

  constructor(metadata: MetadataStore, followUp: FollowUp) {
    this.#metadata = metadata;
    this.#followUp = followUp;
  }

  async run<T>(change: Change<T>): Promise<T> {
    return this.#mutex.runAll(change.things.map(mutexKey), async () => {
      const intents = await this.#declare(change.things);
      try {
        return await this.#make(intents, change);
      } finally {
        this.#metadata.intents.letGo(intents);
      }
    });
  }

  async #make<T>(intents: readonly string[], { things, check, make }: Change<T>): Promise<T> {
    try {
      await check?.();
    } catch (refusal) {
      // One that cannot be withdrawn now is left, like those of a change that failed.
      await this.#metadata.intents.withdraw(intents).catch(() => {});
      throw refusal;
    }
    try {
      return await make(intents);
    } catch (error) {
      await this.#followUpOwn(things, intents);
      throw error;
    }
  }

  async #declare(things: readonly Intent[]): Promise<string[]> {
    const deadline = Date.now() + PATIENCE_MS;
    for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
      const declared = await this.#metadata.intents.declare(things);
      if (Array.isArray(declared)) return declared;
      const { abandoned, underWay } = declared as Conflicts;
      if (abandoned.length > 0) await this.#followUp.followUp(abandoned);
      if (underWay.length === 0) continue;
      if (Date.now() > deadline) throw stillChanging(underWay[0] as IntentRow);
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }

  /** What cannot be followed up now, because storage is away, is left to whoever comes next: the failure of the change is the one to tell. */
  async #followUpOwn(things: readonly Intent[], ids: readonly string[]): Promise<void> {
    const { intents, processes } = this.#metadata;
    let again: string[] = [];
    try {
      const left = await intents.find(ids);
      if (left.length < ids.length) {
        // Others are following it up, and may have looked at storage too soon. Those not yet struck are taken out of their hands.
        await processes.beat();
        await intents.withdraw(ids);
        again = await this.#declare(things);
      }
      await this.#followUp.followUp(again.length > 0 ? await intents.find(again) : left);
    } catch {
      intents.letGo([...ids, ...again]);
      await intents.tidy().catch(() => {});
    } finally {
      intents.letGo(again);
    }
  }
}

/** Sorts the repository before what is in it, as a change within a change takes them. */
function mutexKey({ repository, kind, key }: Intent): string {
  return kind === 'repository' ? `${repository} ` : `${repository} ${kind} ${key}`;
}

function stillChanging({ repository, kind, key }: Intent): Error {
  const thing = kind === 'repository' ? 'the repository' : `the ${kind} ${key} of the repository`;
  return new Error(
    `${thing} ${repository} has been changed by another process for ${PATIENCE_MS / 1000} s; try again, and look at the storage's response times`,
  );
}
