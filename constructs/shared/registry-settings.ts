import type { Duration } from './duration.ts';

/** A name of the registry's own, `https://registry.example.com`, on port 443. */
export interface OwnDomainEndpoint {
  readonly mode: 'own-domain';
  /** Host name, such as `registry.example.com`. */
  readonly domain: string;
}

/** A port on a name that exists already, `https://gitlab.example.com:5050`, with the certificate of that name. */
export interface PortEndpoint {
  readonly mode: 'port';
  /** Host name or address, such as `gitlab.example.com`. `localhost` is refused: it means ::1 to some and 127.0.0.1 to others. */
  readonly host: string;
  /** The port that clients use. On a machine it differs from `internalPort`. */
  readonly port: number;
}

/** Where clients reach the registry; always over TLS. */
export type RegistryEndpoint = OwnDomainEndpoint | PortEndpoint;

/** Images in the data directory, next to the index. */
export interface VolumeStorage {
  readonly kind: 'volume';
}

/** Images in an S3 bucket, reached with the identity of the machine: there are no static keys. */
export interface BucketStorage {
  readonly kind: 'bucket';
  /** Name of the bucket, without a folder; a folder goes into `prefix`. */
  readonly bucketName: string;
  /** Region of the bucket, such as `eu-central-1`. */
  readonly region: string;
  /**
   * Folder in the bucket that holds `docker/registry/v2` and `uploads`.
   *
   * @default - the top of the bucket
   */
  readonly prefix?: string;
  /**
   * URL of an S3-compatible store or of an interface VPC endpoint.
   *
   * @default - the public endpoint of AWS in `region`
   */
  readonly regionEndpoint?: string;
  /**
   * Name the bucket in the path of the URL instead of in its host; some S3-compatible stores need it.
   *
   * @default false
   */
  readonly forcePathStyle?: boolean;
  /**
   * Size of one part of a multipart upload, 5 to 5120 MiB. Larger parts help when huge layers end in `unexpected EOF`.
   *
   * @default 10
   */
  readonly partSizeMiB?: number;
}

export type RegistryStorage = VolumeStorage | BucketStorage;

/** A CA and a server certificate that the server makes on first start, in `<dataDirectory>/tls`. */
export interface GeneratedTls {
  readonly mode: 'generated';
  /**
   * Names and addresses in the certificate besides the host of the endpoint.
   *
   * @default []
   */
  readonly extraHosts?: readonly string[];
}

/** A certificate from files on the machine. */
export interface FilesTls {
  readonly mode: 'files';
  /** Absolute path of a PEM file: the certificate of the server, then its intermediates. */
  readonly certificateFile: string;
  /** Absolute path of a PEM file, readable by the server's user alone (0600). */
  readonly keyFile: string;
}

export type RegistryTls = GeneratedTls | FilesTls;

/** How blobs are served from a bucket. */
export interface RedirectSettings {
  /**
   * `redirect` sends clients to a signed URL of the bucket, `proxy` sends every byte through the server, for clients that
   * cannot reach the bucket.
   *
   * @default 'redirect'
   */
  readonly mode?: 'redirect' | 'proxy';
  /**
   * How long a signed URL is good for, 1m to 168h.
   *
   * @default '20m'
   */
  readonly expiry?: Duration;
  /**
   * URL that clients reach the bucket by, where the server reaches it by another one, such as a VPC endpoint. Not on the host of
   * the registry, nor below it: clients would send the bucket their token.
   *
   * @default - the endpoint that the server uses
   */
  readonly publicEndpoint?: string;
  /**
   * Networks whose clients get the bytes through the server all the same, because they cannot reach the bucket: `10.0.0.0/8`,
   * `2001:db8::/32`, or single addresses.
   *
   * @default []
   */
  readonly exceptCidrs?: readonly string[];
  /**
   * The same for clients by their `User-Agent`, in which `*` stands for any run of characters: `containerd/*`.
   *
   * @default []
   */
  readonly exceptUserAgents?: readonly string[];
}

/** A webhook that is told about pushes, pulls and deletes. */
export interface NotificationEndpoint {
  /** Unique among the endpoints. */
  readonly name: string;
  readonly url: string;
  /**
   * Configured, but not notified.
   *
   * @default false
   */
  readonly disabled?: boolean;
  /**
   * Sent with every notification. Not for secrets: settings are readable in the user data of the machine, so `Authorization`
   * and its like are refused.
   *
   * @default {}
   */
  readonly headers?: Readonly<Record<string, readonly string[]>>;
  /**
   * How long the receiver may take to answer.
   *
   * @default '500ms'
   */
  readonly timeout?: Duration;
  /**
   * Failures in a row after which deliveries wait for `backoff`.
   *
   * @default 5
   */
  readonly threshold?: number;
  /**
   * Pause after `threshold` failures.
   *
   * @default '1s'
   */
  readonly backoff?: Duration;
  /**
   * Media types that are not reported.
   *
   * @default []
   */
  readonly ignoredMediaTypes?: readonly string[];
  /**
   * Actions that are not reported.
   *
   * @default []
   */
  readonly ignoredActions?: readonly ('pull' | 'push' | 'mount' | 'delete')[];
}

/** When unreferenced blobs are removed. */
export interface GarbageCollectionSettings {
  /** Five cron fields: minute, hour, day of month, month, day of week; such as `5 4 * * 0`. */
  readonly schedule: string;
  /**
   * IANA name of the zone that `schedule` is meant in.
   *
   * @default 'UTC'
   */
  readonly timeZone?: string;
  /**
   * Also remove manifests that no tag, index or referrer needs. This cannot be undone.
   *
   * @default false
   */
  readonly deleteUntagged?: boolean;
  /**
   * Only log what would be removed.
   *
   * @default false
   */
  readonly dryRun?: boolean;
}

/** When uploads that nobody finishes are removed. */
export interface UploadPurgingSettings {
  /** @default true */
  readonly enabled?: boolean;
  /**
   * Uploads that nobody has touched for this long are removed; at least 1h.
   *
   * @default '168h'
   */
  readonly age?: Duration;
  /**
   * Time between two looks; at least 1m.
   *
   * @default '24h'
   */
  readonly interval?: Duration;
}

/** Tokens that the endpoint of this registry signs. */
export interface TokenSettings {
  /**
   * How long a token is good for, 60s to 24h. Long enough for a push of the largest layer.
   *
   * @default '5m'
   */
  readonly expiration?: Duration;
  /** @default 'ES256' */
  readonly signingAlgorithm?: 'ES256' | 'RS256';
  /**
   * Name of the signing key in a token: the thumbprint of RFC 7638, or libtrust's fingerprint, which distribution 2.x looks for.
   *
   * @default 'rfc7638'
   */
  readonly keyId?: 'rfc7638' | 'libtrust';
}

/** What some users may do with some repositories. */
export interface AccessGrant {
  /** Names of users, or `*` for everyone who has logged in. Anonymous pulls have an option of their own. */
  readonly users: readonly string[];
  /** Names in which `*` stands for one path component or part of it and `**` for any number. */
  readonly repositories: readonly string[];
  /** @default ['pull'] */
  readonly actions?: readonly ('pull' | 'push' | 'delete')[];
  /**
   * May list every repository.
   *
   * @default false
   */
  readonly catalog?: boolean;
}

/** What one registry is to do; the same on every cloud and on this computer. */
export interface RegistrySettings {
  readonly endpoint: RegistryEndpoint;
  readonly storage: RegistryStorage;
  /** @default - a CA and a certificate that the server makes on first start */
  readonly tls?: RegistryTls;
  /**
   * Port that the server listens on.
   *
   * @default 5000
   */
  readonly internalPort?: number;
  /**
   * Address that the server listens on, such as `127.0.0.1`.
   *
   * @default - every address, IPv4 and IPv6
   */
  readonly listenHost?: string;
  /**
   * Absolute path of the directory with the index, users, keys and, for `volume` storage, the images.
   *
   * @default '/var/lib/registry'
   */
  readonly dataDirectory?: string;
  /** @default - redirect, with URLs that are good for 20 minutes */
  readonly redirect?: RedirectSettings;
  /**
   * Whether tags, manifests and blobs can be deleted through the API, by users whose grants allow it.
   *
   * @default true
   */
  readonly deletes?: boolean;
  /**
   * Refuse pushes and deletes; pulls go on.
   *
   * @default false
   */
  readonly readOnly?: boolean;
  /**
   * When unreferenced blobs are removed. Checked, but not acted on by this version of the server: a warning says so at synth.
   *
   * @default - never; unreferenced blobs are kept
   */
  readonly garbageCollection?: GarbageCollectionSettings;
  /** @default - uploads that nobody has touched for a week are removed */
  readonly uploadPurging?: UploadPurgingSettings;
  /**
   * Checked, but not acted on by this version of the server: a warning says so at synth.
   *
   * @default []
   */
  readonly notifications?: readonly NotificationEndpoint[];
  /** @default - ES256 tokens that are good for 5 minutes */
  readonly tokens?: TokenSettings;
  /**
   * Name of the user that the server makes on first start, with a random password in `<dataDirectory>/auth/initial-password`.
   *
   * @default 'admin'
   */
  readonly initialUser?: string;
  /**
   * The union of these grants is allowed.
   *
   * @default - whoever has logged in may do everything
   */
  readonly access?: readonly AccessGrant[];
  /**
   * Repositories that anyone may pull without logging in; names as in `AccessGrant.repositories`.
   *
   * @default [] - nobody pulls without logging in
   */
  readonly anonymousPull?: readonly string[];
  /**
   * Answer with paths instead of URLs in `Location`, for proxies that terminate TLS and drop headers.
   *
   * @default false
   */
  readonly relativeUrls?: boolean;
  /**
   * Networks or addresses of the proxies in front whose `X-Forwarded-For`, `-Host` and `-Proto` are believed. Not the network of
   * the clients: whoever is in it may say that it is somebody else.
   *
   * @default [] - nobody's
   */
  readonly trustedProxies?: readonly string[];
  /**
   * Processes of the server, all on its one port: a number from 1 to 64, or one for each core of the machine, at most 8. Each
   * takes 60 to 90 MB of memory.
   *
   * @default 'auto'
   */
  readonly processes?: 'auto' | number;
  /**
   * How long running requests may take to finish when the server is stopped; at most 1h.
   *
   * @default '30s'
   */
  readonly drainTimeout?: Duration;
  /** @default 'tls1.2' */
  readonly minimumTls?: 'tls1.2' | 'tls1.3';
  /** @default 'info' */
  readonly logLevel?: 'error' | 'warn' | 'info' | 'debug';
  /**
   * Log every request.
   *
   * @default true
   */
  readonly accessLog?: boolean;
}
