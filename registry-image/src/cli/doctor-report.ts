import { type Check, missingPermissions } from './doctor-check.ts';
import { EXIT } from './exit-codes.ts';

/** What a doctor looks at, as its report begins. */
export interface ReportHeading {
  /** Such as `storage`. */
  readonly topic: string;
  /** What kind of thing that is, such as the name of the driver. */
  readonly kind: string;
  /** Where it is. */
  readonly resource: string;
  /** Who is asking, as the system and the provider see this process. */
  readonly identity: string;
}

/** Prints checks as they come, or all of them as one JSON object, and says how the command ends. */
export class DoctorReport {
  readonly #heading: ReportHeading;
  readonly #json: boolean;
  readonly #checks: Check[] = [];

  constructor(heading: ReportHeading, { json }: { readonly json: boolean }) {
    this.#heading = heading;
    this.#json = json;
    if (!json) console.log(`${heading.topic}: ${heading.kind} at ${heading.resource}, as ${heading.identity}`);
  }

  add(check: Check): void {
    this.#checks.push(check);
    if (!this.#json) for (const line of linesOf(check)) console.log(line);
  }

  /** @param interrupted not all was tried @returns the exit code */
  end({ interrupted }: { readonly interrupted: boolean }): number {
    const count = (verdict: Check['verdict']) => this.#checks.filter((check) => check.verdict === verdict).length;
    const failed = count('failed');
    const missing = missingPermissions(this.#checks);
    const ok = failed === 0 && !interrupted;
    if (this.#json) {
      console.log(JSON.stringify({ ...this.#heading, ok, missingPermissions: missing, checks: this.#checks }, null, 2));
    } else {
      if (missing.length > 0) {
        console.log(`missing most likely, as no action that needs it went well: ${missing.join(', ')}`);
      }
      console.log(`${count('ok')} ok, ${failed} failed, ${count('skipped')} skipped`);
    }
    return ok ? EXIT.ok : EXIT.failed;
  }
}

function linesOf({ action, permissions, resource, verdict, milliseconds, message, advice }: Check): string[] {
  const rights = permissions.length > 0 ? ` (${permissions.join(', ')})` : '';
  const what = `${verdict.padEnd(7)}  ${action}${rights} on ${resource}`;
  if (verdict === 'skipped') return [`${what}: ${message}`];
  const line = `${what}, ${milliseconds} ms`;
  if (verdict === 'ok') return [message === undefined ? line : `${line}: ${message}`];
  return [line, `         what: ${message}`, ...(advice === undefined ? [] : [`         do: ${advice}`])];
}
