import { Command } from 'commander';
import { SIBLING_COMMAND } from '../processes/siblings.ts';

/** Not for people: `serve` starts the further processes of a server with it. */
export function siblingCommand(): Command {
  return new Command(SIBLING_COMMAND).action(async () => {
    const { runSibling } = await import('../processes/sibling.ts');
    await runSibling();
  });
}
