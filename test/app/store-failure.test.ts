/** A store that stops by itself ends the server, and not as if somebody had asked for it. */
import { Worker } from 'node:worker_threads';
import { afterAll, expect, it, vi } from 'vitest';
import { startServer } from '../../src/app/start-server.ts';
import { removeFolder } from '../kit/folder.ts';
import { freeOffset } from '../kit/ports.ts';
import { makeFolders } from '../kit/server.ts';

const { root, config, data } = makeFolders({
  'main.cf': 'myhostname = mail.example.test\ninet_interfaces = 127.0.0.1\nalias_maps =\nalias_database =\n',
  'master.cf': 'smtp inet n - n - - smtpd\n',
});
afterAll(() => {
  vi.restoreAllMocks();
  removeFolder(root);
});

it('a server whose writer thread has ended stops, and says that it failed', async () => {
  const workers = new Set<Worker>();
  const post = Worker.prototype.postMessage;
  vi.spyOn(Worker.prototype, 'postMessage').mockImplementation(function (this: Worker, ...given) {
    workers.add(this);
    return post.apply(this, given);
  });
  const stopped = Promise.withResolvers<void>();
  const server = await startServer({
    configDirectory: config,
    dataDirectory: data,
    portOffset: await freeOffset(),
    accounts: [{ address: 'xixi@example.test', password: 'sesame' }],
    printLog: false,
    onStop: () => stopped.resolve(),
  });
  expect(server.hasFailed).toBe(false);
  await Promise.all([...workers].map((worker) => worker.terminate()));
  await stopped.promise;
  expect(server.hasFailed).toBe(true);
  await server.close(0);
});
