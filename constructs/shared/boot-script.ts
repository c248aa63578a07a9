import type { ConfigInput } from '../../registry-image/src/config/schema.ts';
import { parseDuration } from '../../registry-image/src/config/values.ts';
import { BOOT_FUNCTIONS } from './boot-functions.ts';
import { endpointPort, registryHost } from './endpoint.ts';
import type { RegistryImage } from './registry-image.ts';
import type { RegistrySettings } from './registry-settings.ts';
import {
  DEFAULT_DATA_DIRECTORY,
  DEFAULT_INITIAL_USER,
  DEFAULT_INTERNAL_PORT,
  dataPaths,
  toYaml,
} from './render-config.ts';

/** The user of the image, and thereby the owner of every file that the server reads or writes. */
export const SERVER_USER = 1000;

/** Where the configuration and the certificate are, on the machine and in the container. */
const CONFIG_FILE = '/etc/registry/config.yml';
export const CERTIFICATE_FILE = '/etc/registry/tls/tls.crt';
export const KEY_FILE = '/etc/registry/tls/tls.key';

const DEFAULT_DRAIN_SECONDS = 30;

/** The part of the script that differs between clouds: bash functions that use the identity of the machine. */
export interface BootCloudPart {
  /**
   * Defines
   * - `data_device`: prints the block device of the data volume, or fails while it is not attached;
   * - `fetch_image FILE`: downloads the image archive;
   * - `fetch_certificate`: prints certificates and private key as PEM, when `fetchesCertificate`;
   * - `publish_access FILE`: puts a JSON document with the first user's password where an administrator can read it.
   */
  readonly functions: string;
  /** Whether the certificate comes from the cloud's secret store; otherwise the server makes its own. */
  readonly fetchesCertificate: boolean;
}

export interface BootScriptProps {
  readonly settings: RegistrySettings;
  /** The configuration for these settings. It carries no secret: whoever may describe the machine can read it. */
  readonly config: ConfigInput;
  readonly image: RegistryImage;
  readonly cloud: BootCloudPart;
}

/**
 * The bash script that makes a fresh Debian 13 machine serve the registry, the same on every cloud. Each step looks first at what
 * is there, so it can run at every boot and again after an interruption at any point.
 */
export function bootScript({ settings, config, image, cloud }: BootScriptProps): string {
  const paths = dataPaths();
  return `#!/bin/bash
# Prepares this machine for the container registry and starts it. Safe to run again at any time.
set -euo pipefail
umask 022
export DEBIAN_FRONTEND=noninteractive

readonly IMAGE_SHA256=${image.sha256}
readonly IMAGE=${localImage(image)}
readonly DATA=${DEFAULT_DATA_DIRECTORY}
readonly OWNER=${SERVER_USER}:${SERVER_USER}
readonly FSTAB=/etc/fstab
readonly CHANGED=/run/registry-boot.changed
readonly CERTIFICATE_FILE=${CERTIFICATE_FILE}
readonly KEY_FILE=${KEY_FILE}
readonly REGISTRY_HOST=${quoted(registryHost(settings.endpoint))}
readonly INITIAL_USER=${quoted(settings.initialUser ?? DEFAULT_INITIAL_USER)}
readonly USERS_FILE=${paths.users}
readonly INITIAL_PASSWORD_FILE=${paths.initialPassword}
readonly GENERATED_CA_FILE=${paths.generatedCa}

${BOOT_FUNCTIONS}
${cloud.functions.trim()}

write_config() {
  write_file ${CONFIG_FILE} 0644 "$OWNER" <<'END_OF_CONFIG'
${toYaml(config).trimEnd()}
END_OF_CONFIG
}

write_service() {
  write_file /etc/containers/systemd/registry.container 0644 root:root <<'END_OF_UNIT'
${containerUnit(settings, image)}END_OF_UNIT
}

main() {
  install_runtime
  mount_data_volume
  load_image
  write_config
${cloud.fetchesCertificate ? '  write_certificate\n' : ''}  write_service
  start_service
  publish_initial_access
}

main
`;
}

/** The name that the loaded archive gets on the machine; it is never pulled. */
function localImage(image: RegistryImage): string {
  return `localhost/container-registry:${image.sha256}`;
}

/**
 * A quadlet (https://docs.podman.io/en/v5.4.2/markdown/podman-systemd.unit.5.html), from which systemd makes registry.service.
 * It does not start without the data volume: the registry would begin anew on the root disk.
 */
function containerUnit(
  { endpoint, internalPort = DEFAULT_INTERNAL_PORT, drainTimeout }: RegistrySettings,
  image: RegistryImage,
) {
  const drainSeconds =
    drainTimeout === undefined ? DEFAULT_DRAIN_SECONDS : Math.ceil((parseDuration(drainTimeout) ?? 0) / 1000);
  return `[Unit]
Description=Container registry
Wants=network-online.target
After=network-online.target
RequiresMountsFor=${DEFAULT_DATA_DIRECTORY}
AssertPathIsMountPoint=${DEFAULT_DATA_DIRECTORY}

[Container]
ContainerName=registry
Image=${localImage(image)}
Pull=never
ReadOnly=true
DropCapability=all
NoNewPrivileges=true
User=${SERVER_USER}
Group=${SERVER_USER}
PublishPort=${endpointPort(endpoint)}:${internalPort}
Volume=${DEFAULT_DATA_DIRECTORY}:${DEFAULT_DATA_DIRECTORY}
Volume=/etc/registry:/etc/registry:ro
PodmanArgs=--stop-timeout=${drainSeconds + 5}

[Service]
Restart=always
RestartSec=5
TimeoutStopSec=${drainSeconds + 30}

[Install]
WantedBy=multi-user.target
`;
}

/** A word of bash that stands for the text itself. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
