import { stringify } from 'yaml';
import { SERVER_USER } from './boot-script.ts';

const SCRIPT_PATH = '/usr/local/sbin/registry-boot';

const SERVICE = `[Unit]
Description=Prepares this machine for the container registry
Wants=network-online.target
After=network-online.target
StartLimitIntervalSec=0

[Service]
Type=oneshot
ExecStart=${SCRIPT_PATH}
Restart=on-failure
RestartSec=30

[Install]
WantedBy=multi-user.target
`;

/** Once a day the script looks for a renewed certificate. */
const TIMER = `[Unit]
Description=Looks for a renewed certificate of the container registry

[Timer]
OnCalendar=daily
RandomizedDelaySec=1h

[Install]
WantedBy=timers.target
`;

/**
 * User data for images with cloud-init (https://cloudinit.readthedocs.io/en/latest/reference/modules.html). The script becomes a
 * systemd unit that runs at every boot and again after a failure, because cloud-init itself runs commands at the first boot only.
 */
export function cloudConfig(bootScript: string): string {
  const config = {
    // In place of the user that cloud-init makes: it would have the id of the container's user, and may become root.
    users: [
      { name: 'registry', uid: SERVER_USER, lock_passwd: true, shell: '/usr/sbin/nologin', no_create_home: true },
    ],
    write_files: [
      { path: SCRIPT_PATH, permissions: '0755', content: bootScript },
      { path: '/etc/systemd/system/registry-boot.service', permissions: '0644', content: SERVICE },
      { path: '/etc/systemd/system/registry-boot.timer', permissions: '0644', content: TIMER },
    ],
    runcmd: [
      ['systemctl', 'daemon-reload'],
      ['systemctl', 'enable', '--now', '--no-block', 'registry-boot.service', 'registry-boot.timer'],
    ],
  };
  return `#cloud-config\n${stringify(config, { lineWidth: 0 })}`;
}
