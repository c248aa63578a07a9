/** What a thing is, such as the digest that a tag points at; `undefined` when it is not there. */
export type State = string | undefined;

interface Step {
  readonly thing: string;
  readonly state: State;
  readonly start: number;
  end: number;
  /** `maybe`: the client was told nothing, or of a failure. */
  outcome: 'done' | 'maybe' | 'refused';
  /** It has this effect on some states only, so that it says nothing of what others it leaves. */
  readonly conditional: boolean;
}

/** One request, which may change several things. */
export interface Request {
  /** The thing is in this state afterwards. */
  sets(thing: string, state: State): Request;
  /** The thing may be in this state afterwards, depending on the one before. */
  maySet(thing: string, state: State): Request;
  done(): void;
  refused(): void;
}

/**
 * What clients have asked for and were told, in the order of time. Requests that ran at once may have taken effect in either order;
 * one that was answered took effect before one that began later. One whose process ended took effect before its end, or not at all.
 */
export class History {
  readonly #steps = new Map<string, Step[]>();
  #clock = 0;

  begin(): Request {
    const start = this.#clock++;
    const steps: Step[] = [];
    const add = (thing: string, state: State, conditional: boolean) => {
      const step: Step = { thing, state, start, end: Number.POSITIVE_INFINITY, outcome: 'maybe', conditional };
      steps.push(step);
      this.#steps.set(thing, [...(this.#steps.get(thing) ?? []), step]);
    };
    const settle = (outcome: Step['outcome']) => {
      const end = this.#clock++;
      for (const step of steps) {
        step.end = end;
        step.outcome = outcome;
      }
    };
    const request: Request = {
      sets: (thing, state) => {
        add(thing, state, false);
        return request;
      },
      maySet: (thing, state) => {
        add(thing, state, true);
        return request;
      },
      done: () => settle('done'),
      refused: () => settle('refused'),
    };
    this.#ended.set(request, () => settle('maybe'));
    return request;
  }

  readonly #ended = new Map<Request, () => void>();

  /** The request's process has ended, or it failed: it has no effect from now on. */
  ended(request: Request): void {
    this.#ended.get(request)?.();
  }

  /** Grows by one with each request that begins or ends. */
  get length(): number {
    return this.#clock;
  }

  get things(): string[] {
    return [...this.#steps.keys()];
  }

  /** States that a thing may be in now. */
  allowed(thing: string): State[] {
    const steps = (this.#steps.get(thing) ?? []).filter(({ outcome }) => outcome !== 'refused');
    const overwrites = steps.filter(({ outcome, conditional }) => outcome === 'done' && !conditional);
    const isOverwritten = (end: number) => overwrites.some(({ start }) => start > end);
    const states = new Set(steps.filter(({ end }) => !isOverwritten(end)).map(({ state }) => state));
    if (!isOverwritten(-1)) states.add(undefined);
    return [...states];
  }

  /** Whether a request that sets the thing to a state may have taken effect after one that sets another thing. */
  mayHaveFollowed(later: { thing: string; state: State }, earlier: { thing: string; state: State }): boolean {
    const of = ({ thing, state }: { thing: string; state: State }) =>
      (this.#steps.get(thing) ?? []).filter((step) => step.state === state && step.outcome !== 'refused');
    return of(later).some(({ end }) => of(earlier).some(({ start }) => end > start));
  }
}
