const BEGIN = '<!-- results: written by npm run bench -->';
const END = '<!-- end of results -->';

const NEW_PAGE = `# Performance\n\n${BEGIN}\n${END}\n`;

/**
 * Puts the results between the markers of a page and leaves the rest of it as it is.
 *
 * @param page its text; `undefined`: there is none yet
 * @throws Error when a page has no markers
 */
export function withResults(page: string | undefined, results: string): string {
  const text = page ?? NEW_PAGE;
  const [begin, end] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (begin < 0 || end < begin) {
    throw new Error(`the page has no place for the results; put these two lines where they belong:\n${BEGIN}\n${END}`);
  }
  return `${text.slice(0, begin + BEGIN.length)}\n\n${results}\n\n${text.slice(end)}`;
}
