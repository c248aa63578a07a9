import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface ProgramOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** An exit code beside 0 that is no failure. */
  readonly alsoFine?: number;
}

/** Runs a program to its end. @returns what it printed @throws Error with that when it fails */
export async function printed(
  command: string,
  args: readonly string[],
  { env, alsoFine }: ProgramOptions = {},
): Promise<string> {
  try {
    const options = { env: { ...process.env, ...env }, maxBuffer: 16 * 1024 * 1024 };
    return (await run(command, [...args], options)).stdout;
  } catch (cause) {
    const { stdout = '', stderr = '', code } = cause as { stdout?: string; stderr?: string; code?: unknown };
    if (code === alsoFine && alsoFine !== undefined) return stdout;
    throw new Error(`${command} ended with ${code}:\n${stdout}${stderr}`, { cause });
  }
}
