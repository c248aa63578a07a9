/** jest started by hand may run on the host's Node, on which half the dependencies fail with messages that do not say so. */
export default function requireNode24() {
  const [major] = process.versions.node.split('.').map(Number);
  if (major < 24) {
    throw new Error(`The tests need Node 24, and this is ${process.version}: start them with npm test`);
  }
}
