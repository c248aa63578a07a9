import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { CASES } from '../../scripts/bench/cases.ts';
import { parseOptions } from '../../scripts/bench/options.ts';

const parse = (...args: string[]) => parseOptions(args, '/repository/docs/performance');

describe('npm run bench', () => {
  test('measures everything and writes the page', () => {
    expect(parse()).toMatchObject({ only: undefined, quick: false, peers: [], out: '/repository/docs/performance' });
  });

  test('--only prints: a page with a few cases would lose the others', () => {
    expect(parse('--only', 'push').out).toBeUndefined();
    expect(parse('--only', 'push', '--out', '/tmp/here').out).toBe('/tmp/here');
  });

  test('--peer may repeat, with paths from where it is called', () => {
    const here = path.resolve('registry-3');
    expect(parse('--peer', 'registry-3', '--peer', '/opt/registry').peers).toEqual([here, '/opt/registry']);
  });

  test.each([
    [['--rounds', '0'], /1 to 99, not "0"/],
    [['--rounds', 'many'], /not "many"/],
    [['--only', '('], /regular expression.*not "\("/],
    [['--slow'], /--slow.*--help/s],
  ])('refuses %j and says what is allowed', (args, message) => {
    expect(() => parse(...args)).toThrow(message);
  });
});

describe('the cases', () => {
  test('have names of their own', () => {
    const names = CASES.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
  });

  test('each have an opponent', () => {
    expect(CASES.filter(({ goals }) => Object.keys(goals).length === 0)).toEqual([]);
  });
});
