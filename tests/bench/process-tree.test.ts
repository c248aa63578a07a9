import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, describe, expect, test } from '@jest/globals';
import { ProcessTree } from '../../scripts/bench/process-tree.ts';

/** Uses a third of a second of processor time, says so, and waits. */
const BUSY = 'while (process.cpuUsage().user < 350000); console.log("done"); setInterval(() => {}, 1000);';
const PARENT = `
  const child = require('node:child_process').spawn(process.execPath, ['-e', ${JSON.stringify(BUSY)}]);
  child.stdout.pipe(process.stdout);
  process.on('SIGTERM', () => { child.on('exit', () => console.log('ended')); child.kill('SIGKILL'); });
`;

describe('a tree of processes', () => {
  let root: ChildProcess;

  afterEach(async () => {
    const exited = once(root, 'exit');
    root.kill('SIGKILL');
    await exited;
  });

  test('counts the processor time and the memory of children, and the time of those that have ended', async () => {
    root = spawn(process.execPath, ['-e', PARENT]);
    await once(root.stdout as NodeJS.ReadableStream, 'data');
    const tree = new ProcessTree(root.pid as number);

    expect(tree.processes).toBe(2);
    expect(tree.cpuSeconds()).toBeGreaterThanOrEqual(0.34);
    const both = tree.memory();
    expect(both.rss).toBeGreaterThan(40e6);
    expect(both.pss).toBeLessThanOrEqual(both.rss);

    root.kill('SIGTERM');
    await once(root.stdout as NodeJS.ReadableStream, 'data');
    expect(tree.processes).toBe(1);
    expect(tree.cpuSeconds()).toBeGreaterThanOrEqual(0.34);
    expect(tree.memory().rss).toBeLessThan(both.rss);
  });

  test('of two servers is that of both', async () => {
    root = spawn(process.execPath, ['-e', 'console.log("up"); setInterval(() => {}, 1000)']);
    await once(root.stdout as NodeJS.ReadableStream, 'data');
    expect(new ProcessTree(root.pid as number).with(new ProcessTree(process.pid)).processes).toBeGreaterThanOrEqual(2);
  });

  test('that has ended has used nothing more, and is no error', async () => {
    root = spawn(process.execPath, ['-e', '0']);
    await once(root, 'exit');
    const tree = new ProcessTree(root.pid as number);
    expect([tree.processes, tree.cpuSeconds(), tree.memory().rss]).toEqual([0, 0, 0]);
    root = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
  });
});
