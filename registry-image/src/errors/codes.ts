/** https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#error-codes */
const SPEC = 'https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#error-codes';
/** https://distribution.github.io/distribution/spec/api/#errors-2 */
const DISTRIBUTION = 'https://distribution.github.io/distribution/spec/api/#errors-2';

interface ErrorCode {
  /** HTTP status. */
  readonly status: number;
  readonly message: string;
  readonly spec: string;
}

/** Every code that an error body can carry. docs/errors.md lists them; a test holds the two together. */
export const ERROR_CODES = {
  BLOB_UNKNOWN: { status: 404, message: 'blob unknown to registry', spec: SPEC },
  BLOB_UPLOAD_INVALID: { status: 400, message: 'blob upload invalid', spec: SPEC },
  BLOB_UPLOAD_UNKNOWN: { status: 404, message: 'blob upload unknown to registry', spec: SPEC },
  DIGEST_INVALID: { status: 400, message: 'provided digest did not match uploaded content', spec: SPEC },
  MANIFEST_BLOB_UNKNOWN: {
    status: 404,
    message: 'manifest references a manifest or blob unknown to registry',
    spec: SPEC,
  },
  MANIFEST_INVALID: { status: 400, message: 'manifest invalid', spec: SPEC },
  MANIFEST_TOO_LARGE: { status: 413, message: 'manifest larger than the registry takes', spec: DISTRIBUTION },
  MANIFEST_UNKNOWN: { status: 404, message: 'manifest unknown to registry', spec: SPEC },
  NAME_INVALID: { status: 400, message: 'invalid repository name', spec: SPEC },
  NAME_UNKNOWN: { status: 404, message: 'repository name not known to registry', spec: SPEC },
  PAGINATION_NUMBER_INVALID: { status: 400, message: 'invalid number of results requested', spec: DISTRIBUTION },
  RANGE_INVALID: { status: 416, message: 'invalid content range', spec: DISTRIBUTION },
  SIZE_INVALID: { status: 400, message: 'provided length did not match content length', spec: SPEC },
  TAG_INVALID: { status: 400, message: 'invalid tag', spec: DISTRIBUTION },
  UNAUTHORIZED: { status: 401, message: 'authentication required', spec: SPEC },
  DENIED: { status: 403, message: 'requested access to the resource is denied', spec: SPEC },
  UNSUPPORTED: { status: 405, message: 'the operation is unsupported', spec: SPEC },
  TOOMANYREQUESTS: { status: 429, message: 'too many requests', spec: SPEC },
  NOT_FOUND: { status: 404, message: 'no such endpoint', spec: DISTRIBUTION },
  BAD_REQUEST: { status: 400, message: 'the request could not be understood', spec: DISTRIBUTION },
  UNKNOWN: { status: 500, message: 'unknown error', spec: DISTRIBUTION },
  UNAVAILABLE: { status: 503, message: 'service unavailable', spec: DISTRIBUTION },
} as const satisfies Record<string, ErrorCode>;

export type RegistryErrorCode = keyof typeof ERROR_CODES;
