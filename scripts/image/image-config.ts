import { REGISTRY_UID } from './base-layer.ts';
import type { Layer } from './layer.ts';
import type { Architecture } from './native-packages.ts';

/** Go's names of the processors, which images use. */
const GO_ARCHITECTURE = { x64: 'amd64', arm64: 'arm64' } as const satisfies Record<Architecture, string>;

export function platformOf(architecture: Architecture) {
  return { architecture: GO_ARCHITECTURE[architecture], os: 'linux' };
}

/**
 * How a runtime starts the image: https://github.com/opencontainers/image-spec/blob/v1.1.1/config.md.
 * registry-image/Dockerfile says the same; a test compares them.
 */
export const RUN_CONFIG = {
  User: `${REGISTRY_UID}:${REGISTRY_UID}`,
  ExposedPorts: { '5000/tcp': {} },
  Env: ['PATH=/usr/local/bin:/usr/bin', 'NODE_ENV=production'],
  Entrypoint: ['/usr/local/bin/node', '/app/main.js'],
  Cmd: ['serve', '/etc/registry/config.yml'],
  Volumes: { '/var/lib/registry': {} },
  WorkingDir: '/var/lib/registry',
  StopSignal: 'SIGTERM',
} as const;

/** The configuration of the image: how it is run, what it is made of, and nothing that differs between two builds. */
export function imageConfig(
  layers: readonly Layer[],
  { architecture, labels, time }: { architecture: Architecture; labels: Record<string, string>; time: Date },
) {
  return {
    ...platformOf(architecture),
    created: time.toISOString(),
    config: { ...RUN_CONFIG, Labels: labels },
    rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
    history: layers.map(({ name }) => ({ created: time.toISOString(), created_by: `npm run image: ${name}` })),
  };
}
