/** What a file holds before the schema has seen it: sections by name. */
export type Section = Record<string, unknown>;

export function isSection(value: unknown): value is Section {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The value at a path of keys and indexes, or `undefined`. */
export function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (at, key) =>
      typeof at === 'object' && at !== null && Object.hasOwn(at, key)
        ? (at as Record<PropertyKey, unknown>)[key]
        : undefined,
    value,
  );
}

/** Every value at a path in which `*` stands for each item of a list, with the path it was found at. */
export function valuesAt(
  value: unknown,
  path: readonly string[],
  found: readonly string[] = [],
): readonly { readonly path: readonly string[]; readonly value: unknown }[] {
  const [key, ...rest] = path;
  if (value === undefined) return [];
  if (key === undefined) return [{ path: found, value }];
  if (key !== '*') return valuesAt(valueAt(value, [key]), rest, [...found, key]);
  return Array.isArray(value) ? value.flatMap((item, index) => valuesAt(item, rest, [...found, `${index}`])) : [];
}
