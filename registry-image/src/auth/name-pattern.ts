/** A pattern of repository names, split into literal characters and wildcards. */
export type NamePattern = readonly (string | typeof WITHIN_COMPONENT | typeof ACROSS_COMPONENTS)[];

const WITHIN_COMPONENT = Symbol('*');
const ACROSS_COMPONENTS = Symbol('**');

/** Parses literal text in which `*` is any run of characters except `/`, and `**` any run at all. */
export function parseNamePattern(text: string): NamePattern {
  return (text.match(/\*\*|./gs) ?? []).map((part) => {
    if (part === '**') return ACROSS_COMPONENTS;
    return part === '*' ? WITHIN_COMPONENT : part;
  });
}

/**
 * Whether the whole name matches. Walks the name once and keeps the set of places that the pattern can be at, so that no pattern
 * makes it slow: the time is the length of the name times the length of the pattern.
 */
export function matchesPattern(pattern: NamePattern, name: string): boolean {
  let places = skipWildcards(pattern, new Set([0]));
  for (const character of name) {
    const next = new Set<number>();
    for (const place of places) {
      const part = pattern[place];
      if (part === ACROSS_COMPONENTS || (part === WITHIN_COMPONENT && character !== '/')) next.add(place);
      else if (part === character) next.add(place + 1);
    }
    if (next.size === 0) return false;
    places = skipWildcards(pattern, next);
  }
  return places.has(pattern.length);
}

/** A wildcard also stands for nothing: from its place the pattern goes on to the next. */
function skipWildcards(pattern: NamePattern, places: Set<number>): Set<number> {
  // A set is walked in the order of insertion, the places added here included.
  for (const place of places) {
    if (typeof pattern[place] === 'symbol') places.add(place + 1);
  }
  return places;
}
