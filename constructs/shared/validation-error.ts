import { Token } from 'cdktf';
import type { IConstruct } from 'constructs';

/** One thing wrong with the props of a construct. */
export interface Fault {
  /** Dotted path of the prop, such as `endpoint.port`. */
  readonly prop: string;
  /** What was given. */
  readonly value: unknown;
  /** What is wrong, what is allowed and what to do about it. */
  readonly message: string;
}

/** Every fault of one construct in one report; the message starts with the construct's path. */
export class ValidationError extends Error {
  readonly constructPath: string;
  readonly faults: readonly Fault[];

  constructor(scope: IConstruct, faults: readonly Fault[]) {
    const lines = faults.map((fault) => `  ${fault.prop} = ${shown(fault.value)}: ${fault.message}`);
    super(
      `${scope.node.path} has ${faults.length === 1 ? 'a fault' : `${faults.length} faults`} in its props:\n${lines.join('\n')}`,
    );
    this.name = 'ValidationError';
    this.constructPath = scope.node.path;
    this.faults = faults;
  }
}

/** @throws ValidationError when there is at least one fault */
export function throwFaults(scope: IConstruct, faults: readonly Fault[]): void {
  if (faults.length > 0) throw new ValidationError(scope, faults);
}

/**
 * Collects the faults of one construct, so that its user sees all of them at once.
 * Values that only Terraform will know (unresolved tokens) pass every check.
 */
export class Faults {
  readonly #faults: Fault[] = [];

  /** Records a fault of `prop` unless `holds`, or unless `value` is known only when the stack is applied. */
  check(prop: string, value: unknown, holds: boolean, message: string): void {
    if (!holds && !Token.isUnresolved(value)) this.#faults.push({ prop, value, message });
  }

  /** Adds faults that were found elsewhere; `prefix` is put in front of their props. */
  add(faults: readonly Fault[], prefix = ''): void {
    this.#faults.push(...faults.map((fault) => ({ ...fault, prop: `${prefix}${fault.prop}` })));
  }

  get all(): readonly Fault[] {
    return [...this.#faults];
  }

  /** @throws ValidationError when a check has failed */
  throwIfAny(scope: IConstruct): void {
    throwFaults(scope, this.#faults);
  }
}

const PRIVATE_KEY = /-----BEGIN [A-Z ]*PRIVATE KEY-----/;

/** The value as the user wrote it, short enough for one line, and never a private key. */
function shown(value: unknown): string {
  if (value === undefined) return '(not set)';
  const text = JSON.stringify(value);
  if (PRIVATE_KEY.test(text)) return '(a private key)';
  return text.length > 120 ? `${text.slice(0, 117)}...` : text;
}
