import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { bootScript } from '../../../constructs/shared/boot-script.ts';
import { RegistryImage } from '../../../constructs/shared/registry-image.ts';
import type { RegistrySettings } from '../../../constructs/shared/registry-settings.ts';
import { renderConfig } from '../../../constructs/shared/render-config.ts';
import { BootMachine } from '../../support/boot-machine.ts';
import { describeUnless, describeWith } from '../../support/requirements.ts';
import { runCommand } from '../../support/run-command.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../../support/temporary-directory.ts';

/** A cloud in which everything is at hand. */
const CLOUD = {
  fetchesCertificate: true,
  functions: `data_device() { echo "$TEST_DEVICE"; }
fetch_image() { echo 'layers' >"$1"; }
fetch_certificate() { cat "$TEST_PEM"; }
publish_access() { cat "$1" >>"$TEST_PUBLISHED"; }`,
};

/** Programs that change the machine, in place of which their arguments are noted. */
const STUBS = `
note() { echo "$*" >>"$TEST_NOTES"; }
for program in apt-get dpkg podman systemctl mount resize2fs chown mkfs.ext4; do
  eval "$program() { note $program \\"\\$@\\"; }"
done
mountpoint() { [[ -e $TEST_MOUNTED ]]; }
findmnt() { echo /dev/test; }
sleep() { :; }
head() { command head "$@" 2>/dev/null || true; }
`;

const PEM = `-----BEGIN PRIVATE KEY-----
key
-----END PRIVATE KEY-----
-----BEGIN CERTIFICATE-----
leaf
-----END CERTIFICATE-----
-----BEGIN CERTIFICATE-----
intermediate
-----END CERTIFICATE-----
`;

let directory: TemporaryDirectory;
let machine: BootMachine;
let script: string;

const inDirectory = (name: string) => path.join(directory.path, name);
const notes = () => readFileSync(inDirectory('notes'), 'utf8').trim().split('\n');
const run = (steps: string) => machine.run(steps, `${variables()}${STUBS}`);

function variables(): string {
  const names = {
    TEST_NOTES: 'notes',
    TEST_PEM: 'pem',
    TEST_PUBLISHED: 'published',
    TEST_MOUNTED: 'mounted',
    TEST_DEVICE: 'device',
  };
  return Object.entries(names)
    .map(([name, file]) => `${name}=${inDirectory(file)}\n`)
    .join('');
}

function render(settings: Partial<RegistrySettings> = {}, fetchesCertificate = true): string {
  const all: RegistrySettings = {
    endpoint: { mode: 'port', host: 'gitlab.example.com', port: 5050 },
    storage: { kind: 'volume' },
    ...settings,
  };
  writeFileSync(inDirectory('image.tar'), 'layers\n');
  const image = RegistryImage.fromArchive(inDirectory('image.tar'));
  return bootScript({ settings: all, config: renderConfig(all), image, cloud: { ...CLOUD, fetchesCertificate } });
}

beforeEach(() => {
  directory = temporaryDirectory('boot-script');
  script = render();
  mkdirSync(inDirectory('machine'));
  machine = new BootMachine({ script, root: inDirectory('machine') });
  writeFileSync(inDirectory('pem'), PEM);
});
afterEach(() => directory.remove());

describe('the unit of the container', () => {
  test('runs the deployed image locked down, on the public port', () => {
    for (const line of [
      'Pull=never',
      'ReadOnly=true',
      'DropCapability=all',
      'NoNewPrivileges=true',
      'User=1000',
      'PublishPort=5050:5000',
      'Volume=/var/lib/registry:/var/lib/registry',
      'Volume=/etc/registry:/etc/registry:ro',
    ]) {
      expect(script.split('\n')).toContain(line);
    }
  });

  test('does not start without the data volume', () => {
    expect(script).toContain('RequiresMountsFor=/var/lib/registry\nAssertPathIsMountPoint=/var/lib/registry\n');
  });

  test('gives running requests the time that the settings say', () => {
    const unit = render({ drainTimeout: '2m' });
    expect(unit).toContain('PodmanArgs=--stop-timeout=125\n');
    expect(unit).toContain('TimeoutStopSec=150\n');
  });
});

describeWith(['shellcheck'], 'the boot script', () => {
  test.each([
    ['with a certificate from the secret store', true],
    ['with a certificate that the server makes', false],
  ])('%s is clean bash', async (_, fetchesCertificate) => {
    writeFileSync(inDirectory('boot.sh'), render({ initialUser: 'admin' }, fetchesCertificate));
    await runCommand('bash', ['-n', inDirectory('boot.sh')]);
    await runCommand('shellcheck', [inDirectory('boot.sh')]);
  });
});

describe('a run of the boot script', () => {
  test('writes the configuration and the certificate, the key for the server alone', async () => {
    expect(await run('write_config; write_certificate')).toMatchObject({ exitCode: 0, stderr: '' });
    expect(machine.read('etc/registry/config.yml')).toContain('host: https://gitlab.example.com:5050');
    expect(machine.read('etc/registry/tls/tls.crt').match(/BEGIN CERTIFICATE/g)).toHaveLength(2);
    expect(machine.read('etc/registry/tls/tls.crt')).not.toContain('PRIVATE KEY');
    expect(machine.read('etc/registry/tls/tls.key')).toContain('BEGIN PRIVATE KEY');
    expect(statSync(machine.file('etc/registry/tls/tls.key')).mode & 0o777).toBe(0o600);
  });

  test('restarts the service when something has changed, and only then', async () => {
    await run('write_config; write_service; start_service');
    expect(notes()).toContain('systemctl restart registry.service');
    writeFileSync(inDirectory('notes'), '');
    await run('write_config; write_service; start_service');
    expect(notes()).toContain('systemctl start registry.service');
    expect(notes()).not.toContain('systemctl restart registry.service');
  });

  test('restarts the service when a run before it ended between a change and the restart', async () => {
    await run('write_config');
    await run('write_config; start_service');
    expect(notes()).toContain('systemctl restart registry.service');
  });

  test('loads the image once', async () => {
    const absent = 'podman() { note podman "$@"; [[ $1 != image ]]; }';
    expect(await run(`${absent}; load_image`)).toMatchObject({ exitCode: 0 });
    expect(notes()).toContainEqual(expect.stringMatching(/^podman load --quiet --input /));
    expect(notes()).toContainEqual(expect.stringMatching(/^podman tag .*localhost\/container-registry:[0-9a-f]{64}$/));
    writeFileSync(inDirectory('notes'), '');
    await run('load_image');
    expect(notes()).toEqual([expect.stringMatching(/^podman image exists /)]);
  });

  test('refuses an image that is not the one that was deployed', async () => {
    const other = 'podman() { [[ $1 != image ]]; }; fetch_image() { echo \'other layers\' >"$1"; }';
    const result = await run(`${other}; load_image`);
    expect(result.exitCode).toBe(1);
    expect(result.stderr).toContain('the image archive is not the one that was deployed');
  });

  test('refuses a secret without a private key, and writes nothing', async () => {
    writeFileSync(inDirectory('pem'), PEM.slice(PEM.indexOf('-----BEGIN CERTIFICATE')));
    const result = await run('write_certificate');
    expect(result).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining('the secret holds no private key in PEM'),
    });
    expect(() => machine.read('etc/registry/tls/tls.crt')).toThrow(/ENOENT/);
  });

  test('fails when the data volume never appears', async () => {
    const result = await run('data_device() { return 1; }; mount_data_volume');
    expect(result).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('the data volume is not attached') });
  });

  test('publishes the first password and the CA once', async () => {
    mkdirSync(machine.file('var/lib/registry/auth'));
    mkdirSync(machine.file('var/lib/registry/tls'));
    writeFileSync(machine.file('var/lib/registry/auth/htpasswd'), 'admin:hash\n');
    writeFileSync(machine.file('var/lib/registry/auth/initial-password'), 'correct horse\n');
    writeFileSync(machine.file('var/lib/registry/tls/ca.crt'), 'the CA\n');
    for (let runs = 0; runs < 2; runs++) expect(await run('publish_initial_access')).toMatchObject({ exitCode: 0 });
    expect(JSON.parse(readFileSync(inDirectory('published'), 'utf8'))).toEqual({
      registry: 'gitlab.example.com:5050',
      username: 'admin',
      password: 'correct horse',
      ca: 'the CA\n',
    });
    expect(() => machine.read('run/registry-access.json')).toThrow(/ENOENT/);
  });

  test('publishes nothing when an administrator has removed the password file', async () => {
    mkdirSync(machine.file('var/lib/registry/auth'));
    writeFileSync(machine.file('var/lib/registry/auth/htpasswd'), 'admin:hash\n');
    expect(await run('publish_initial_access')).toMatchObject({ exitCode: 0 });
    expect(() => readFileSync(inDirectory('published'))).toThrow(/ENOENT/);
  });
});

const NOT_ROOT = process.getuid?.() === 0 ? undefined : 'making file systems takes root';

describeUnless(NOT_ROOT, 'the data volume', () => {
  const EXT4 = 'mkfs.ext4() { command mkfs.ext4 "$@"; }';

  beforeEach(() => writeFileSync(inDirectory('device'), Buffer.alloc(16 * 1024 * 1024)));

  test('is formatted when it is blank, and mounted by its UUID', async () => {
    expect(await run(`${EXT4}; mount_data_volume`)).toMatchObject({ exitCode: 0 });
    const { stdout } = await runCommand('blkid', [
      '--probe',
      '--output',
      'value',
      '--match-tag',
      'UUID',
      inDirectory('device'),
    ]);
    expect(machine.read('etc/fstab')).toContain(`UUID=${stdout.trim()} `);
    expect(machine.read('etc/fstab')).toContain('nofail,nodev,nosuid,noexec');
  });

  test('is not formatted again', async () => {
    await run(`${EXT4}; format_when_blank "$TEST_DEVICE"`);
    const before = readFileSync(inDirectory('device'));
    expect(await run(`${EXT4}; format_when_blank "$TEST_DEVICE"`)).toMatchObject({ exitCode: 0 });
    expect(readFileSync(inDirectory('device')).equals(before)).toBe(true);
  });

  test('is left alone when something else is on it', async () => {
    await runCommand('mkswap', [inDirectory('device')]);
    const before = readFileSync(inDirectory('device'));
    await run(`${EXT4}; format_when_blank "$TEST_DEVICE"`);
    expect(readFileSync(inDirectory('device')).equals(before)).toBe(true);
  });

  test('has one line in fstab however often the script runs', async () => {
    for (let runs = 0; runs < 3; runs++) await run(`${EXT4}; mount_data_volume`);
    expect(machine.read('etc/fstab').trim().split('\n')).toHaveLength(1);
  });
});
