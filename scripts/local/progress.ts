/** Tells someone who watches what happens next. Not on standard output, which is for results. */
export function progress(message: string): void {
  process.stderr.write(`${message}\n`);
}
