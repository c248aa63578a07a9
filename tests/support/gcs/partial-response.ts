/** Leaves in an answer what `fields` asks for, such as `items(name,size),nextPageToken`: https://cloud.google.com/storage/docs/json_api#partial-response */
export function selectFields(value: unknown, fields: string | null): unknown {
  return fields === null ? value : select(value, parse(fields));
}

type Selection = ReadonlyMap<string, Selection | undefined>;

function select(value: unknown, selection: Selection): unknown {
  if (Array.isArray(value)) return value.map((item) => select(item, selection));
  const chosen = Object.entries(value as Record<string, unknown>).filter(([name]) => selection.has(name));
  return Object.fromEntries(
    chosen.map(([name, item]) => {
      const below = selection.get(name);
      return [name, below === undefined ? item : select(item, below)];
    }),
  );
}

function parse(fields: string): Selection {
  const selection = new Map<string, Selection | undefined>();
  for (const [, name = '', below] of fields.matchAll(/(\w+)(?:\(([^)]*)\))?/g)) {
    selection.set(name, below === undefined ? undefined : parse(below));
  }
  return selection;
}
