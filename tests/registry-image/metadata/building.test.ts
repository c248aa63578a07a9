import { expect, test } from '@jest/globals';
import { describeOnEachBackend } from './index-backends.ts';

describeOnEachBackend('an index that several servers would build', (index) => {
  test('is built by one of them', async () => {
    const servers = [await index.open(), await index.open(), await index.open()];
    const claims = await Promise.all(servers.map((server) => server.claimBuilding()));
    expect(claims.filter(Boolean)).toHaveLength(1);
    const builder = servers[claims.indexOf(true)];
    expect(await builder?.claimBuilding()).toBe(true);
  });

  test('is built by another when the first has died over it', async () => {
    const [first, second] = [await index.open(), await index.open()];
    await first.claimBuilding();
    expect(await second.claimBuilding()).toBe(false);
    await second.processes.bury(first.processes.id);
    expect(await second.claimBuilding()).toBe(true);
    expect(await first.claimBuilding()).toBe(false);
  });

  test('may be built anew once it is built', async () => {
    const [first, second] = [await index.open(), await index.open()];
    await first.claimBuilding();
    await first.clear();
    expect(await second.claimBuilding()).toBe(false);
    await first.markBuilt();
    expect(await second.isBuilt()).toBe(true);
    expect(await second.claimBuilding()).toBe(true);
  });

  test('is not built by a command while a server uses it', async () => {
    const [server, command] = [await index.open(), await index.open()];
    expect(await command.claimBuilding({ alone: true })).toBe(false);
    await server.close();
    expect(await command.claimBuilding({ alone: true })).toBe(true);
  });
});
