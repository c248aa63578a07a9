import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** Position of `starttime` after the program's name, https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html */
const START_TIME = 19;
const STATE = 0;

/**
 * What tells a process from every other that had or will have its number: when it was started, and in which boot.
 *
 * @returns `undefined` when no such process runs
 */
export function processIdentity(pid: number): string | undefined {
  return process.platform === 'linux' ? identityFromProc(pid) : identityFromPs(pid);
}

function identityFromProc(pid: number): string | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return undefined;
  }
  // The name stands in parentheses and may hold anything, parentheses too.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  if (fields[STATE] === 'Z') return undefined;
  const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  return `${boot} ${fields[START_TIME]}`;
}

function identityFromPs(pid: number): string | undefined {
  const started = spawnSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).stdout?.trim();
  return started === '' ? undefined : started;
}
