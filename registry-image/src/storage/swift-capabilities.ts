import { explainUnreachable } from './swift-errors.ts';
import type { SwiftHttp } from './swift-http.ts';

/** What a Swift says of itself: https://docs.openstack.org/swift/latest/api/discoverability.html */
export interface SwiftCapabilities {
  /** Bytes of the largest object that is not put together from others. */
  readonly maxObjectBytes: number;
  /** Parts that one manifest may name. */
  readonly maxManifestSegments: number;
  /** Left out when the Swift does not say what it can. */
  readonly tempUrl:
    | { readonly methods: readonly string[]; readonly digests: readonly string[]; readonly containerKeys: boolean }
    | undefined;
}

interface Info {
  readonly swift?: { readonly version?: string; readonly max_file_size?: number };
  readonly slo?: { readonly max_manifest_segments?: number };
  readonly tempurl?: { readonly methods?: readonly string[]; readonly allowed_digests?: readonly string[] };
}

/** Defaults of Swift, also where the operator has switched /info off. */
const DEFAULT_MAX_OBJECT_BYTES = 5 * 1024 ** 3;
const DEFAULT_MAX_MANIFEST_SEGMENTS = 1000;

/** Keys of containers came with this version: https://docs.openstack.org/swift/latest/middleware.html#tempurl */
const CONTAINER_KEYS_SINCE = [2, 3];

/** @throws Error when large objects cannot be put together from parts */
export async function readCapabilities(http: SwiftHttp, storageUrl: string): Promise<SwiftCapabilities> {
  const { origin, pathname } = new URL(storageUrl);
  const url = `${origin}${pathname.replace(/\/v1(\.0)?(\/.*)?$/, '')}/info`;
  const answer = await http.send({ method: 'GET', url }).catch((error) => {
    throw explainUnreachable(error, 'storage.swift.region and storage.swift.endpointtype');
  });
  const info = answer.status === 200 ? parsed(answer.body) : undefined;
  if (info?.swift !== undefined && info.slo === undefined) {
    throw new Error(
      `the Swift at ${origin} has no Static Large Objects (no slo in ${url}), which layers of more than one part need; ask its operator for them`,
    );
  }
  const { swift, slo, tempurl } = info ?? {};
  return {
    maxObjectBytes: Math.min(swift?.max_file_size ?? DEFAULT_MAX_OBJECT_BYTES, DEFAULT_MAX_OBJECT_BYTES),
    maxManifestSegments: slo?.max_manifest_segments ?? DEFAULT_MAX_MANIFEST_SEGMENTS,
    tempUrl: info && {
      methods: tempurl?.methods ?? (tempurl === undefined ? [] : ['GET', 'HEAD']),
      // Those that have no such list know the oldest one only.
      digests: tempurl?.allowed_digests ?? ['sha1'],
      containerKeys: isSince(swift?.version ?? '', CONTAINER_KEYS_SINCE),
    },
  };
}

function parsed(body: Buffer): Info | undefined {
  try {
    return JSON.parse(body.toString()) as Info;
  } catch {
    return undefined;
  }
}

function isSince(version: string, [major = 0, minor = 0]: readonly number[]): boolean {
  const [has = 0, hasMinor = 0] = version.split('.').map(Number);
  return has > major || (has === major && hasMinor >= minor);
}
