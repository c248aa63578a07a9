import { describe, expect, test } from '@jest/globals';
import { AccessPolicy } from '../../../registry-image/src/auth/access-policy.ts';
import { matchesPattern, parseNamePattern } from '../../../registry-image/src/auth/name-pattern.ts';
import { formatScope, parseScopes } from '../../../registry-image/src/auth/scope.ts';

describe('a pattern of repository names', () => {
  test.each([
    ['app', 'app', true],
    ['app', 'app2', false],
    ['app', 'ap', false],
    ['**', 'a/b/c', true],
    ['*', 'a', true],
    ['*', 'a/b', false],
    ['group/*', 'group/app', true],
    ['group/*', 'group/app/sub', false],
    ['group/*', 'group', false],
    ['group/**', 'group/app/sub', true],
    ['group/**', 'groups/app', false],
    ['*/app', 'group/app', true],
    ['**/app', 'a/b/app', true],
    ['team-*/app', 'team-a/app', true],
    ['team-*/app', 'team-a/b/app', false],
    ['a.c', 'abc', false],
    ['a**c*', 'a/x/c1', true],
  ])('%s and the name %s: %s', (pattern, name, expected) => {
    expect(matchesPattern(parseNamePattern(pattern), name)).toBe(expected);
  });

  test('is matched in few steps however many wildcards it has', () => {
    // With a backtracking matcher this would take longer than the universe is old.
    expect(matchesPattern(parseNamePattern(`${'**a'.repeat(40)}b`), 'a'.repeat(255))).toBe(false);
  });
});

describe('the grants', () => {
  const everything = ['pull', 'push', 'delete'] as const;
  const policy = new AccessPolicy([
    { users: ['root'], repositories: ['**'], actions: [...everything], catalog: true },
    { users: ['ci'], repositories: ['group/*'], actions: ['pull', 'push'], catalog: false },
    { users: ['*'], repositories: ['shared/**'], actions: ['pull'], catalog: false },
    { users: ['anonymous'], repositories: ['public/*'], actions: ['pull'], catalog: false },
  ]);
  const grant = (subject: string, ...scopes: string[]) =>
    policy.intersect(subject, parseScopes(scopes)).map(formatScope);

  test('cut a scope down to what is allowed', () => {
    expect(grant('ci', 'repository:group/app:delete,push,pull')).toEqual(['repository:group/app:push,pull']);
  });

  test('leave out a scope of which nothing is allowed, and keep the others', () => {
    expect(grant('ci', 'repository:other/app:pull', 'repository:group/app:pull')).toEqual([
      'repository:group/app:pull',
    ]);
  });

  test('understand * as every action on a repository', () => {
    expect(grant('root', 'repository:a:*')).toEqual(['repository:a:pull,push,delete']);
    expect(grant('ci', 'repository:group/app:*')).toEqual(['repository:group/app:pull,push']);
  });

  test('give the catalog only where it is granted', () => {
    expect(grant('root', 'registry:catalog:*')).toEqual(['registry:catalog:*']);
    expect(grant('ci', 'registry:catalog:*')).toEqual([]);
  });

  test('of * hold for all who have logged in, those of anonymous for all', () => {
    expect(grant('somebody', 'repository:shared/x/y:pull', 'repository:public/x:pull,push')).toEqual([
      'repository:shared/x/y:pull',
      'repository:public/x:pull',
    ]);
    expect(grant('', 'repository:shared/x/y:pull', 'repository:public/x:pull,push')).toEqual([
      'repository:public/x:pull',
    ]);
  });

  test('know no other type of resource, and no name longer than a repository can have', () => {
    expect(grant('root', 'registry:other:*', 'secret:a:pull', `repository:${'a'.repeat(256)}:pull`)).toEqual([]);
  });
});
