import { RegistryError } from '../errors/registry-error.ts';
import { DIGEST_GRAMMAR, type Digest, parseDigest } from './digest.ts';

declare const checked: unique symbol;

/** A repository name, checked: safe to build a key from. */
export type RepositoryName = string & { readonly [checked]: 'repository' };

/** A tag, checked: safe to build a key from. */
export type Tag = string & { readonly [checked]: 'tag' };

/** How a manifest is asked for: https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pulling-manifests */
export type Reference = { readonly digest: Digest } | { readonly tag: Tag };

const MAX_NAME_LENGTH = 255;
const NAME_COMPONENT = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const TAG = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/;

/** @throws RegistryError NAME_INVALID, which names the component at fault and the grammar */
export function parseRepositoryName(text: string): RepositoryName {
  if (text.length > MAX_NAME_LENGTH) {
    throw new RegistryError('NAME_INVALID', {
      detail: `the name has ${text.length} characters; allowed are ${MAX_NAME_LENGTH}`,
    });
  }
  for (const component of text.split('/')) {
    if (!NAME_COMPONENT.test(component)) {
      throw new RegistryError('NAME_INVALID', {
        detail: `the component "${component}" of "${text}" is not allowed: each component between slashes is made of lower-case letters and digits, separated by ".", "_", "__" or dashes, and neither starts nor ends with a separator`,
      });
    }
  }
  return text as RepositoryName;
}

export function isTag(text: string): text is Tag {
  return TAG.test(text);
}

/** @throws RegistryError TAG_INVALID */
export function parseTag(text: string): Tag {
  if (isTag(text)) return text;
  throw new RegistryError('TAG_INVALID', {
    detail: `"${text}" is not a tag: allowed are 1 to 128 of letters, digits, "_", "." and "-", not starting with "." or "-"`,
  });
}

/** @throws RegistryError DIGEST_INVALID */
export function requireDigest(text: string): Digest {
  const digest = parseDigest(text);
  if (digest !== undefined) return digest;
  throw new RegistryError('DIGEST_INVALID', { detail: `"${text}" is not a digest: ${DIGEST_GRAMMAR}` });
}

/** @throws RegistryError DIGEST_INVALID, when it has a colon, or TAG_INVALID */
export function parseReference(text: string): Reference {
  return text.includes(':') ? { digest: requireDigest(text) } : { tag: parseTag(text) };
}
