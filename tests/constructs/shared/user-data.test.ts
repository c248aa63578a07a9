import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { terraformText } from '../../../constructs/shared/terraform-text.ts';
import { cloudConfig } from '../../../constructs/shared/user-data.ts';

describe('user data', () => {
  test('installs the boot script as a unit that runs at every boot and once a day', () => {
    const config = parse(cloudConfig('#!/bin/bash\necho "a: b # c"\n'));
    expect(config.write_files).toMatchObject([
      { path: '/usr/local/sbin/registry-boot', permissions: '0755', content: '#!/bin/bash\necho "a: b # c"\n' },
      {
        path: '/etc/systemd/system/registry-boot.service',
        content: expect.stringContaining('WantedBy=multi-user.target'),
      },
      { path: '/etc/systemd/system/registry-boot.timer', content: expect.stringContaining('OnCalendar=daily') },
    ]);
    expect(config.runcmd).toContainEqual(
      expect.arrayContaining(['enable', '--now', 'registry-boot.service', 'registry-boot.timer']),
    );
  });

  test('makes no user that could log in', () => {
    expect(parse(cloudConfig('')).users).toMatchObject([{ uid: 1000, lock_passwd: true, shell: '/usr/sbin/nologin' }]);
  });
});

describe('text for Terraform', () => {
  test('keeps what a shell means with ${ and %{', () => {
    expect(terraformText(`\${HOME} %{http_code} $1 100%`)).toBe('$$' + '{HOME} %%' + '{http_code} $1 100%');
  });

  test('keeps references to resources', () => {
    expect(terraformText(`bucket: \${TfToken[TOKEN.1]}`)).toBe(`bucket: \${TfToken[TOKEN.1]}`);
  });
});
