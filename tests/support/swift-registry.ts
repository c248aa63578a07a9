import { type RegistryProcess, startRegistry } from './registry-process.ts';
import { type Swift, startSwift } from './swift.ts';

export interface SwiftRegistryOptions {
  /** Whether clients are sent to Swift. */
  readonly redirect: boolean;
  /** Further options of the driver. */
  readonly settings?: Readonly<Record<string, unknown>>;
}

export interface SwiftRegistry {
  readonly registry: RegistryProcess;
  readonly swift: Swift;
  stop(): Promise<void>;
}

/** A registry whose objects are in a container of OpenStack Swift. Needs `swift`. */
export async function startSwiftRegistry({ redirect, settings = {} }: SwiftRegistryOptions): Promise<SwiftRegistry> {
  const swift = await startSwift();
  const registry = await startRegistry({
    config: {
      storage: {
        swift: {
          authurl: swift.authUrl,
          username: swift.user,
          password: swift.key,
          container: 'registry',
          ...settings,
        },
        delete: { enabled: true },
        redirect: { disable: !redirect },
      },
    },
  });
  return {
    registry,
    swift,
    stop: async () => {
      await registry.stop();
      await swift.stop();
    },
  };
}
