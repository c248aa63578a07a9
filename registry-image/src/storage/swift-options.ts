import type { Config } from '../config/schema.ts';

/** `storage.swift` of the configuration. */
export type SwiftOptions = NonNullable<Config['storage']['swift']>;
