// What Terraform calls when the server of the local stack is made or destroyed: `start` or `stop`, with the details in variables.
import path from 'node:path';
import { reportingErrors } from './report-error.ts';
import { REPOSITORY } from './repository.ts';
import { startServer, stopServer } from './server-process.ts';

await reportingErrors(async () => {
  const { LOCAL_DATA_DIRECTORY = '', LOCAL_CONFIGURATION = '' } = process.env;
  const dataDirectory = path.resolve(REPOSITORY, LOCAL_DATA_DIRECTORY);
  if (process.argv[2] === 'start') {
    await startServer(dataDirectory, LOCAL_CONFIGURATION);
    console.log(`started, with its data in ${dataDirectory}`);
  } else {
    const stopped = await stopServer(dataDirectory);
    console.log(`${stopped ? 'stopped' : 'was not running'}; its data stays in ${dataDirectory}`);
  }
});
