/** The image cannot be built here, for a reason its reader can do something about: the message is one line that says what. */
export class ImageBuildError extends Error {
  override readonly name = 'ImageBuildError';
}
