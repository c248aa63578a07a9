import { SwiftDriver } from '../../../registry-image/src/storage/swift.ts';
import { describeWith } from '../../support/requirements.ts';
import { startSwift } from '../../support/swift.ts';
import { describeFaults } from './fault-suite.ts';
import { swiftOptions } from './swift-options.ts';

/** A store that is quick, or fails. */
const LIMITS = { connectMs: 500, idleMs: 600, firstPauseMs: 10 };

const PART_BYTES = 1024 ** 2;

describeWith(['swift'], 'Swift that fails', () => {
  describeFaults('swift', async () => {
    const swift = await startSwift();
    return {
      target: swift.url,
      partBytes: PART_BYTES,
      secrets: [swift.key, 'AUTH_tk', 'temp_url_sig'],
      open: (endpoint) =>
        SwiftDriver.open(
          swiftOptions(swift, { authurl: swift.authUrl.replace(swift.url, endpoint), chunksize: PART_BYTES }),
          LIMITS,
        ),
      stop: swift.stop,
    };
  });
});
