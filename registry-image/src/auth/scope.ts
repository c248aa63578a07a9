/**
 * What a client asks a token for, or a token grants: one resource and the actions on it.
 * https://distribution.github.io/distribution/spec/auth/scope/
 */
export interface ResourceScope {
  /** `repository` or `registry`; others are of no meaning here and never granted. */
  readonly type: string;
  /** Deprecated suffix of the type, as in `repository(plugin)`; handed back as it came. */
  readonly class?: string;
  readonly name: string;
  readonly actions: readonly string[];
}

const TYPE = /^([a-z0-9]+)(?:\(([a-z0-9]+)\))?$/;

/**
 * Parses one scope, such as `repository:group/app:pull,push`. The name may have colons in it (`host:5050/group/app`), so the
 * type ends at the first colon and the actions begin after the last. Actions come in any order and may repeat.
 *
 * @returns undefined for text that is no scope
 */
export function parseScope(text: string): ResourceScope | undefined {
  const first = text.indexOf(':');
  const last = text.lastIndexOf(':');
  if (first === last) return undefined;
  const type = TYPE.exec(text.slice(0, first));
  const name = text.slice(first + 1, last);
  if (type?.[1] === undefined || name === '') return undefined;
  const actions = text
    .slice(last + 1)
    .split(',')
    .filter((action) => action !== '');
  return {
    type: type[1],
    ...(type[2] !== undefined && { class: type[2] }),
    name,
    actions: [...new Set(actions)],
  };
}

/**
 * Parses the scopes of a request: the parameter may repeat, and each may hold several, separated by spaces. Scopes of the same
 * resource are joined; text that is no scope is passed over, because a token request is answered with what can be granted.
 */
export function parseScopes(parameters: readonly string[]): ResourceScope[] {
  const scopes = new Map<string, ResourceScope>();
  for (const text of parameters.flatMap((parameter) => parameter.split(/\s+/))) {
    const scope = parseScope(text);
    if (scope === undefined) continue;
    const key = `${scope.type}(${scope.class ?? ''}):${scope.name}`;
    const actions = new Set([...(scopes.get(key)?.actions ?? []), ...scope.actions]);
    scopes.set(key, { ...scope, actions: [...actions] });
  }
  return [...scopes.values()];
}

export function formatScope({ type, class: suffix, name, actions }: ResourceScope): string {
  return `${type}${suffix === undefined ? '' : `(${suffix})`}:${name}:${actions.join(',')}`;
}
