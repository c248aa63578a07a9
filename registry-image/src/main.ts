#!/usr/bin/env node
import { runCommandLine } from './cli/program.ts';

// A server that could not start may have left connections and timers open, which would keep the process.
process.exit(await runCommandLine(process.argv.slice(2)));
