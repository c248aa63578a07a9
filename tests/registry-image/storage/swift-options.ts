import { swiftSchema } from '../../../registry-image/src/config/swift-schema.ts';
import type { SwiftOptions } from '../../../registry-image/src/storage/swift-options.ts';
import type { Swift } from '../../support/swift.ts';

/** The `swift` section of a configuration for the stand-in, as the server sees it: defaults are filled in. */
export function swiftOptions(swift: Swift, settings: Record<string, unknown> = {}): SwiftOptions {
  return swiftSchema.parse({
    authurl: swift.authUrl,
    username: swift.user,
    password: swift.key,
    container: 'registry',
    chunksize: 5 * 1024 ** 2,
    ...settings,
  });
}
