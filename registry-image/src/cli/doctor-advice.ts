const TLS_ADVICE =
  'the certificate of the store is not trusted here; give its authority in NODE_EXTRA_CA_CERTS, and ask the store by a name that is in its certificate';
const NO_ANSWER_ADVICE =
  'nothing answers there; check that the store is up, and that firewall, routes and proxy let this machine reach it';

/** What the system says, and what an operator does about it. */
const ADVICE: Readonly<Record<string, string>> = {
  ECONNREFUSED:
    'nothing listens at that address; check that the store is up, and host and port of the endpoint in the configuration',
  ENOTFOUND:
    'the name of the store is not known to DNS; check the endpoint and region in the configuration, and the resolver of this machine',
  EAI_AGAIN: 'DNS does not answer; check the resolver of this machine',
  ETIMEDOUT: NO_ANSWER_ADVICE,
  EHOSTUNREACH: NO_ANSWER_ADVICE,
  ENETUNREACH: NO_ANSWER_ADVICE,
  UND_ERR_CONNECT_TIMEOUT: NO_ANSWER_ADVICE,
  ECONNRESET:
    'the connection was cut; check whether the endpoint speaks what its scheme (http, https) says, and the proxies on the way',
  EPROTO: 'no TLS came about; check whether the endpoint wants http or https, and the proxies on the way',
  CERT_HAS_EXPIRED: 'the certificate of the store has expired; renew it there, and check the clock of this machine',
  DEPTH_ZERO_SELF_SIGNED_CERT: TLS_ADVICE,
  ERR_TLS_CERT_ALTNAME_INVALID: TLS_ADVICE,
  SELF_SIGNED_CERT_IN_CHAIN: TLS_ADVICE,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: TLS_ADVICE,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: TLS_ADVICE,
  EACCES: 'the user of this process has not the right; give it the directory and all that is in it (chown -R)',
  EPERM:
    'the system refuses it to the user of this process; look at owner, attributes (lsattr) and security modules (SELinux: the :Z of a volume)',
  EROFS: 'the file system is mounted read-only; mount it writable, and look into the kernel log for why it is not',
  ENOSPC: 'the disk, or its inodes, are used up; make room or enlarge it',
  EDQUOT: 'the quota of the user is used up; raise it or make room',
  EMFILE: 'the process may not open more files; raise LimitNOFILE of its service',
  ESTALE: 'the network file system has lost the directory; mount it again',
};

/** What to do about a failure that the system has a code for; `undefined` when it has none, or an unknown one. */
export function adviceFor(error: unknown): string | undefined {
  for (let current = error; current instanceof Error; current = current.cause) {
    const advice = ADVICE[(current as NodeJS.ErrnoException).code ?? ''];
    if (advice !== undefined) return advice;
  }
  return undefined;
}
