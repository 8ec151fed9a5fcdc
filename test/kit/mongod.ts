/** `mongod` as the tests run it: a replica set of one node, which change streams and transactions need. */
import { spawnSync } from 'node:child_process';
import { MongoClient } from 'mongodb';
import type { MongoProgram } from './mongo-process.ts';

const SET = 'posthorn';

/** Null where no `mongod` is on PATH. */
export function mongodProgram(): MongoProgram | null {
  const { error, stdout } = spawnSync('mongod', ['--version'], { encoding: 'utf8' });
  if (error !== undefined) return null;
  const version = /db version v(\S+)/.exec(stdout)?.[1] ?? '';
  // From 5.0 on a stop would wait for 15 s, in which clients could turn to another node.
  const stopsAtOnce = ['--setParameter', 'shutdownTimeoutMillisForSignaledShutdown=100'];
  return {
    name: `mongod ${version}`,
    command: (folder, port) => [
      'mongod',
      ...['--bind_ip', '127.0.0.1', '--port', String(port), '--nounixsocket'],
      ...['--replSet', SET, '--dbpath', folder, '--wiredTigerCacheSizeGB', '0.5'],
      ...(Number.parseInt(version, 10) >= 5 ? stopsAtOnce : []),
    ],
    ready: /Waiting for connections/,
    // The driver asks until the node is the primary.
    uri: (port) => `mongodb://127.0.0.1:${port}/?replicaSet=${SET}`,
    initiate: async (port) => {
      const client = await MongoClient.connect(`mongodb://127.0.0.1:${port}/?directConnection=true`);
      try {
        const members = [{ _id: 0, host: `127.0.0.1:${port}` }];
        await client.db('admin').command({ replSetInitiate: { _id: SET, members } });
      } finally {
        await client.close();
      }
    },
  };
}
