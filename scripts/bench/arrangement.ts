import path from 'node:path';
import type { ArrangementName, OpponentName } from './cases.ts';
import { behindNginx } from './contestants/behind-nginx.ts';
import type { Contestant } from './contestants/contestant.ts';
import { distribution, versionOf } from './contestants/distribution.ts';
import { nginx } from './contestants/nginx.ts';
import { thisServer } from './contestants/this-server.ts';
import type { DataSet } from './data-set.ts';
import { layerPath } from './measures/get.ts';
import { findTool, requireTool } from './tools.ts';
import type { WorkDirectory } from './work-directory.ts';

export const OURS = 'ours';

/** A program that cases compare with. */
export interface Peer {
  /** As tables show it, such as `docker-registry 2.8.2+ds1`. */
  readonly name: string;
  readonly program: string;
  /** Whose goals it is held against; further peers have none. */
  readonly opponent: OpponentName;
  readonly isFurther: boolean;
}

/** The peers of this machine: Debian's docker-registry, those of `--peer`, and nginx where it is installed. */
export function findPeers(further: readonly string[]): readonly Peer[] {
  const registry = requireTool('docker-registry');
  const registries: Peer[] = [];
  for (const program of [registry, ...further]) {
    const name = `${path.basename(program)} ${versionOf(program)}`;
    const namesakes = registries.filter((peer) => peer.name.startsWith(name)).length;
    registries.push({
      name: namesakes === 0 ? name : `${name} (${namesakes + 1})`,
      program,
      opponent: 'docker-registry',
      isFurther: registries.length > 0,
    });
  }
  const webServer = findTool('nginx');
  if (webServer === undefined) return registries;
  return [...registries, { name: 'nginx', program: webServer, opponent: 'nginx', isFurther: false }];
}

export interface ArrangementOptions {
  readonly work: WorkDirectory;
  readonly dataSet: DataSet;
  /** This server's program. */
  readonly app: string;
}

/** This server, set up as an arrangement says. */
export function subject(name: ArrangementName, { work, dataSet, app }: ArrangementOptions): Contestant {
  const options = { name: OURS, app, directory: work.run, storageDirectory: dataSet.directory };
  if (name === 'behind-nginx') return behindNginx({ ...options, nginx: requireTool('nginx') });
  return thisServer({ ...options, tls: name === 'tls' });
}

/** A peer, set up as an arrangement says. */
export function opponent(name: ArrangementName, peer: Peer, { work, dataSet }: ArrangementOptions): Contestant {
  const common = {
    name: peer.name,
    program: peer.program,
    directory: work.run,
    storageDirectory: dataSet.directory,
    tls: name === 'tls',
  };
  if (peer.opponent === 'docker-registry') return distribution(common);
  const digest = dataSet.layers['512mib'];
  return nginx({ ...common, blobs: [{ path: layerPath('512mib')(dataSet), digest }] });
}
