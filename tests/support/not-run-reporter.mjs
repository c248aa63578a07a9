/**
 * Ends a run with what was left out, each with its reason, and then with one line for scripts: `N passed, N failed, N skipped`.
 * The reason stands in the title of the left-out block: see `describeWith` in requirements.ts.
 */
export default class NotRunReporter {
  onRunComplete(_contexts, results) {
    const parts = new Map();
    for (const { testResults } of results.testResults) {
      for (const { status, ancestorTitles } of testResults) {
        const title = ancestorTitles.find((ancestor) => ancestor.includes('[not run: '));
        if (status === 'pending' && title !== undefined) parts.set(title, (parts.get(title) ?? 0) + 1);
      }
    }
    // A file that could not even be loaded has no tests to count, and has failed all the same.
    const failed = results.numFailedTests + results.numRuntimeErrorTestSuites;
    const skipped = results.numPendingTests + results.numTodoTests;
    // Jest prints its own summary after every reporter has been called; the counts must stand below it.
    process.once('exit', () => {
      const lines = [...parts].map(([title, count]) => {
        const [, name, reason] = /^(.*) \[not run: (.*)\]$/.exec(title) ?? [undefined, title, 'no reason given'];
        return `  ${name} (${count} ${count === 1 ? 'test' : 'tests'}): ${reason}`;
      });
      if (lines.length > 0) process.stdout.write(`\nNot run:\n${lines.join('\n')}\n\n`);
      process.stdout.write(`${results.numPassedTests} passed, ${failed} failed, ${skipped} skipped\n`);
    });
  }
}
