import type { FastifyInstance } from 'fastify';
import { buildApp } from '../../registry-image/src/app.ts';
import { openAuth } from '../../registry-image/src/auth/open-auth.ts';
import { configSchema } from '../../registry-image/src/config/schema.ts';
import { createRegistry } from '../../registry-image/src/registry/registry.ts';
import { MemoryDriver } from '../../registry-image/src/storage/memory.ts';
import type { StorageDriver } from '../../registry-image/src/storage/storage-driver.ts';
import { type MemoryRegistry, memoryRegistry } from './memory-registry.ts';

export interface MemoryApp {
  /** Not listening; requests are injected. Whoever has it closes it. */
  readonly app: FastifyInstance;
  readonly registry: MemoryRegistry;
}

/** The server as a configuration file would make it, with its index in memory. */
export async function memoryApp(settings: object = {}, driver: StorageDriver = new MemoryDriver()): Promise<MemoryApp> {
  const config = configSchema.parse({ version: 0.1, log: { level: 'error' }, storage: { inmemory: {} }, ...settings });
  const { metadata } = await memoryRegistry({ driver });
  const registry = createRegistry(driver, metadata, config);
  await registry.health.start();
  const app = await buildApp({ config, registry, authentication: await openAuth(config) });
  return { app, registry: { driver, metadata, ...registry } };
}

/** A backend that can hand out URLs of its own, as a bucket does. */
export class RedirectingDriver extends MemoryDriver {
  async redirectUrl(key: string, options: { expiresIn: number }): Promise<URL> {
    return new URL(`https://bucket.example.com/${key}?expires=${options.expiresIn}`);
  }
}
