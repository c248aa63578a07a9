// A step of registry-image/Dockerfile: node scripts/image/write-app-folder.ts <folder>
import { writeAppFolder } from './app-folder.ts';
import { hostArchitecture } from './native-packages.ts';

const [folder] = process.argv.slice(2);
if (folder === undefined) throw new Error('usage: node scripts/image/write-app-folder.ts <folder>');
await writeAppFolder(folder, hostArchitecture());
