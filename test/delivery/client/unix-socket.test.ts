/** LMTP to a UNIX socket, as `lmtp:unix:private/dovecot-lmtp` names it. */
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createTransports } from '../../../src/lookup/transports.ts';
import { removeFolder, temporaryFolder } from '../../kit/folder.ts';
import { parametersOf } from '../../kit/parameters.ts';
import { openHouse, tablesOf } from '../house.ts';

it('P11: mail goes to a UNIX socket below queue_directory, waits if there is none, and is kept where we serve it', async () => {
  const folder = temporaryFolder('lmtp-socket');
  const said: string[] = [];
  const server = createServer((socket) => {
    socket.write('220 lmtp\r\n');
    socket.on('error', () => {});
    socket.on('data', (piece) => {
      for (const line of piece.toString('latin1').split('\r\n').filter(Boolean)) {
        said.push(line);
        if (line === '.') socket.write('250 2.0.0 saved\r\n');
        else if (/^DATA/.test(line)) socket.write('354 go\r\n');
        else if (/^(LHLO|MAIL|RCPT|RSET|QUIT)/.test(line)) socket.write('250 2.1.0 Ok\r\n');
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(join(folder, 'lmtp'), resolve));
  const house = await openHouse({
    settings: { transport_maps: 'hash:/t' },
    tables: tablesOf({
      'hash:/t': { 'a.test': 'lmtp:unix:lmtp', 'b.test': 'lmtp:unix:absent', 'maomao@baidu.com': 'lmtp:unix:own' },
    }),
    transports: createTransports({
      parameters: parametersOf(),
      socketPath: (path) => join(folder, path),
      isOwnSocket: (path) => path === join(folder, 'own'),
    }),
  });
  house.runner.start();
  await house.submit({ to: ['x@a.test', 'x@b.test', 'maomao@baidu.com'] }, 'Subject: s\r\n\r\nbody\r\n');
  await house.runner.idle();
  const log = house.lines.join('\n');
  expect(log).toMatch(
    /postfix\/lmtp: \w+: to=<x@a\.test>, relay=mail\.baidu\.com\[lmtp\], .*status=sent \(250 2\.0\.0 saved\)/,
  );
  expect(log).toMatch(
    /to=<x@b\.test>, relay=none, .*dsn=4\.4\.1, status=deferred \(connect to mail\.baidu\.com\[absent\]: No such file or directory\)/,
  );
  expect(await house.inbox('maomao@baidu.com')).toHaveLength(1);
  expect(said).toContain('RCPT TO:<x@a.test>');
  await house.stop();
  server.close();
  removeFolder(folder);
});
