/** Ends the command with one line that says what is wrong and what to do. */
export function fail(message) {
  process.stderr.write(`\n${message}\n`);
  process.exit(1);
}

/** Tells someone who watches what happens next. Not on standard output, which is for results. */
export function progress(message) {
  process.stderr.write(`${message}\n`);
}

/** Whether the version is at least the other one; both as `22.19.0`. */
export function isAtLeast(version, minimum) {
  const [left, right] = [version, minimum].map((text) => text.split('.').map((part) => Number.parseInt(part, 10)));
  const different = right.findIndex((number, index) => left[index] !== number);
  return different === -1 || left[different] > right[different];
}
