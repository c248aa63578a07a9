import path from 'node:path';
import { parseArgs } from 'node:util';
import { buildImage, type ImageBuild } from './build-image.ts';
import { ImageBuildError } from './image-build-error.ts';
import { REPOSITORY } from './repository.ts';

const USAGE = `Builds the image of the registry server as a file, without a container engine.

  npm run image                      writes dist/registry-image.oci.tar
  npm run image -- --output <file>   writes it there
  npm run --silent image -- --json   prints what was built as one JSON object
  npm run image -- --cache <folder>  keeps downloads and layers there instead of node_modules/.cache/registry-image
`;

/** The command `npm run image`: the result on standard output, progress on standard error. */
export async function main(args: readonly string[]): Promise<void> {
  const options = parseOptions(args);
  if (options.help) {
    process.stdout.write(USAGE);
    return;
  }
  const build = await buildImage({
    output: path.resolve(options.output),
    cache: path.resolve(options.cache),
    progress: (line) => process.stderr.write(`image: ${line}\n`),
  });
  process.stdout.write(options.json ? `${JSON.stringify(build)}\n` : describe(build));
}

function parseOptions(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        output: { type: 'string', default: path.join(REPOSITORY, 'dist/registry-image.oci.tar') },
        cache: { type: 'string', default: path.join(REPOSITORY, 'node_modules/.cache/registry-image') },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    }).values;
  } catch (error) {
    throw new ImageBuildError(`${(error as Error).message}; npm run image -- --help shows the options`);
  }
}

function describe({ archive, name, digest, layers, size, seconds }: ImageBuild): string {
  const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;
  const unpacked = layers.reduce((sum, layer) => sum + layer.uncompressedSize, 0);
  return [
    `archive  ${path.relative(process.cwd(), archive)}`,
    `image    ${name}`,
    `digest   ${digest}`,
    `size     ${megabytes(size)}, ${megabytes(unpacked)} unpacked`,
    ...layers.map((layer) => `         ${megabytes(layer.size).padStart(8)}  ${layer.name}`),
    `took     ${seconds} s`,
    '',
  ].join('\n');
}
