import { SwiftDriver } from '../../../registry-image/src/storage/swift.ts';
import { describeWith } from '../../support/requirements.ts';
import { startSwift } from '../../support/swift.ts';
import { describeDriver } from './driver-suite.ts';
import { swiftOptions } from './swift-options.ts';

describeWith(['swift'], 'Swift', () => {
  describeDriver('swift', async () => {
    const swift = await startSwift();
    const options = swiftOptions(swift);
    return { driver: await SwiftDriver.open(options), reopen: () => SwiftDriver.open(options), stop: swift.stop };
  });

  describeDriver('swift, with a prefix in the container,', async () => {
    const swift = await startSwift();
    const options = swiftOptions(swift, { container: 'a container', prefix: '/some/prefix', chunksize: 1024 ** 2 });
    return { driver: await SwiftDriver.open(options), reopen: () => SwiftDriver.open(options), stop: swift.stop };
  });
});
