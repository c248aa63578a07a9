import type { Faults } from './validation-error.ts';

/** Whether Terraform may delete data. Deleting takes both props; one alone is a fault. */
export interface DataRemovalProps {
  /**
   * `keep` makes Terraform refuse every plan that would delete the data. `destroy` allows it, with all that is inside, once
   * `confirmDataLoss` is set as well and that has been applied.
   *
   * @default 'keep'
   */
  readonly dataRemoval?: 'keep' | 'destroy';
  /**
   * Says that losing the data is meant.
   *
   * @default false
   */
  readonly confirmDataLoss?: boolean;
}

export function checkDataRemoval({ dataRemoval = 'keep', confirmDataLoss = false }: DataRemovalProps, faults: Faults) {
  faults.check(
    'dataRemoval',
    dataRemoval,
    dataRemoval !== 'destroy' || confirmDataLoss,
    'deletes data for good; set confirmDataLoss: true as well, or leave it out to keep the data',
  );
  faults.check(
    'confirmDataLoss',
    confirmDataLoss,
    !confirmDataLoss || dataRemoval === 'destroy',
    "has no effect alone; set dataRemoval: 'destroy' as well, or leave it out to keep the data",
  );
}

export function mayDestroyData({ dataRemoval, confirmDataLoss }: DataRemovalProps): boolean {
  return dataRemoval === 'destroy' && confirmDataLoss === true;
}
