import type { Config } from '../config/schema.ts';
import { matchesPattern, type NamePattern, parseNamePattern } from './name-pattern.ts';
import type { ResourceScope } from './scope.ts';

type Grant = NonNullable<Config['tokenendpoint']>['access'][number];

interface CompiledGrant {
  readonly users: ReadonlySet<string>;
  readonly repositories: readonly NamePattern[];
  readonly actions: readonly string[];
  readonly catalog: boolean;
}

const EVERY_REPOSITORY_ACTION = ['pull', 'push', 'delete'];
const MAX_NAME_LENGTH = 255;

/** Who may do what: the union of the grants of `tokenendpoint.access`. */
export class AccessPolicy {
  readonly #grants: readonly CompiledGrant[];

  constructor(grants: readonly Grant[]) {
    this.#grants = grants.map((grant) => ({
      users: new Set(grant.users),
      repositories: grant.repositories.map(parseNamePattern),
      actions: grant.actions,
      catalog: grant.catalog,
    }));
  }

  /**
   * Cuts the scopes down to what the subject may do; a scope of which nothing is left goes away.
   *
   * @param subject the user's name; empty for who has not logged in
   */
  intersect(subject: string, scopes: readonly ResourceScope[]): ResourceScope[] {
    const grants = this.#grants.filter(
      ({ users }) => users.has('anonymous') || (subject !== '' && (users.has(subject) || users.has('*'))),
    );
    return scopes.flatMap((scope) => {
      const allowed = allowedActions(grants, scope);
      const wanted = scope.type === 'repository' ? expandWildcard(scope.actions) : scope.actions;
      const actions = wanted.filter((action) => allowed.has(action));
      return actions.length === 0 ? [] : [{ ...scope, actions }];
    });
  }
}

function allowedActions(grants: readonly CompiledGrant[], { type, name }: ResourceScope): ReadonlySet<string> {
  if (type === 'registry' && name === 'catalog') return new Set(grants.some(({ catalog }) => catalog) ? ['*'] : []);
  if (type !== 'repository' || name.length > MAX_NAME_LENGTH) return new Set();
  return new Set(
    grants
      .filter(({ repositories }) => repositories.some((pattern) => matchesPattern(pattern, name)))
      .flatMap(({ actions }) => actions),
  );
}

/** skopeo asks for `*` when it deletes. */
function expandWildcard(actions: readonly string[]): readonly string[] {
  return actions.includes('*') ? EVERY_REPOSITORY_ACTION : actions;
}
