import { describe, expect, test } from '@jest/globals';
import { formatScope, parseScope, parseScopes } from '../../../registry-image/src/auth/scope.ts';

describe('a scope', () => {
  test.each([
    ['repository:app:pull', 'repository', 'app', ['pull']],
    ['repository:group/project/my/image:pull,push', 'repository', 'group/project/my/image', ['pull', 'push']],
    ['repository:app:push,pull', 'repository', 'app', ['push', 'pull']],
    ['repository:app:pull,push,pull', 'repository', 'app', ['pull', 'push']],
    [
      'repository:registry.example.com:5050/group/app:pull',
      'repository',
      'registry.example.com:5050/group/app',
      ['pull'],
    ],
    ['repository:[::1]:5000/app:pull', 'repository', '[::1]:5000/app', ['pull']],
    ['repository:app:*', 'repository', 'app', ['*']],
    ['repository:app:', 'repository', 'app', []],
    ['repository:app:pull,,push,', 'repository', 'app', ['pull', 'push']],
    ['registry:catalog:*', 'registry', 'catalog', ['*']],
  ])('%s is read', (text, type, name, actions) => {
    expect(parseScope(text)).toEqual({ type, name, actions });
  });

  test('keeps the class of its type', () => {
    const scope = parseScope('repository(plugin):group/app:pull');
    expect(scope).toEqual({ type: 'repository', class: 'plugin', name: 'group/app', actions: ['pull'] });
    expect(formatScope(scope as NonNullable<typeof scope>)).toBe('repository(plugin):group/app:pull');
  });

  test.each(['', 'repository', 'repository:app', ':app:pull', 'repository::pull', 'Repository!:app:pull', 'a(b:c:d'])(
    '%j is none',
    (text) => {
      expect(parseScope(text)).toBeUndefined();
    },
  );

  test('comes back as it was from parsing what was formatted, whatever its name', () => {
    const alphabet = ['a', 'z', '0', '.', '-', '_', '/', ':', '(', ')'];
    // A linear congruential generator: the same thousand names in every run.
    let state = 1;
    const random = (below: number) => {
      state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
      return state % below;
    };
    for (let round = 0; round < 1000; round += 1) {
      const name = Array.from({ length: 1 + random(30) }, () => alphabet[random(alphabet.length)]).join('');
      const scope = { type: 'repository', name, actions: ['push', 'pull'] };
      expect(parseScope(formatScope(scope))).toEqual(scope);
    }
  });
});

describe('the scopes of a request', () => {
  const both = [
    { type: 'repository', name: 'a', actions: ['pull'] },
    { type: 'repository', name: 'b', actions: ['push'] },
  ];

  test('may come in several parameters', () => {
    expect(parseScopes(['repository:a:pull', 'repository:b:push'])).toEqual(both);
  });

  test('may come in one parameter, separated by spaces', () => {
    expect(parseScopes(['  repository:a:pull   repository:b:push '])).toEqual(both);
  });

  test('of one repository are joined', () => {
    expect(parseScopes(['repository:a:pull', 'repository:a:push,pull'])).toEqual([
      { type: 'repository', name: 'a', actions: ['pull', 'push'] },
    ]);
  });

  test('that are none are passed over', () => {
    expect(parseScopes(['nonsense repository:a:pull', ''])).toEqual([both[0]]);
  });
});
