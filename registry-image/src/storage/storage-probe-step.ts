import type { StorageOperation } from './storage-driver.ts';

/** What a step found out beyond that it went well; or why there was nothing to find out. */
export interface StepOutcome {
  readonly note?: string;
  readonly skipped?: string;
}

/** One thing that the registry needs from its storage, to be tried out by a probe. */
export interface ProbeStep<Probe> {
  /** Such as `read-range`. */
  readonly action: string;
  /** Whose rights it needs. */
  readonly operation: StorageOperation;
  /** What is worked on, below the prefix of the probe; empty for all of it. */
  readonly object: string;
  /** @throws Error that says what is wrong */
  run(probe: Probe): Promise<StepOutcome>;
}

/** @throws Error with the fault unless the condition holds */
export function expectThat(holds: boolean, fault: string): void {
  if (!holds) throw new Error(fault);
}
