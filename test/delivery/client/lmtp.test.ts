/** The LMTP client: one implementation with the SMTP client, and settings of its own. */
import { afterEach, expect, it } from 'vitest';
import { openHouse, type TestHouse, tablesOf } from '../house.ts';
import { type LineServer, openLineServer } from './sink.ts';

let house: TestHouse | null = null;
let server: LineServer | null = null;
afterEach(async () => {
  await house?.stop();
  await server?.close();
});

const SAYS: Readonly<Record<string, string>> = {
  LHLO: '250-lmtp.test\r\n250-PIPELINING\r\n250-DSN\r\n250 AUTH PLAIN\r\n',
  MAIL: '250 2.1.0 ok\r\n',
  RCPT: '250 2.1.5 ok\r\n',
  RSET: '250 2.0.0 ok\r\n',
  AUTH: '235 2.7.0 ok\r\n',
  DATA: '354 go\r\n',
  '.': '250 2.0.0 saved\r\n',
};

it('P17: lmtp: reads the lmtp_… parameters, and no smtp_… one', async () => {
  server = await openLineServer((line, socket) => {
    const said = SAYS[line.split(' ')[0] ?? ''];
    if (said !== undefined) socket.write(said);
  }, '220 lmtp.test LMTP\r\n');
  house = await openHouse({
    settings: {
      transport_maps: 'x:transport',
      lmtp_lhlo_name: 'lhlo.test',
      smtp_helo_name: 'helo.test',
      lmtp_generic_maps: 'x:generic',
      lmtp_sasl_auth_enable: 'yes',
      lmtp_sasl_password_maps: 'x:passwords',
      lmtp_sasl_security_options: '',
      lmtp_discard_lhlo_keyword_address_maps: 'x:keywords',
      smtp_discard_ehlo_keywords: 'auth',
      lmtp_assume_final: 'yes',
      lmtp_delivery_status_filter: 'x:status',
    },
    tables: tablesOf({
      'x:transport': { 'qq.com': `lmtp:inet:[127.0.0.1]:${server.port}` },
      'x:generic': { 'maomao@baidu.com': 'outside@baidu.com' },
      'x:passwords': { '127.0.0.1': 'user:word' },
      'x:status': { '2.0.0 250 2.0.0 saved': '2.1.0 in its mailbox' },
      'x:keywords': { '127.0.0.1': 'DSN, pipelining' },
    }),
  });
  house.runner.start();
  await house.submit(
    { reversePath: 'maomao@baidu.com', to: [{ address: 'lisi@qq.com', notify: ['SUCCESS'] }] },
    'Subject: s\r\n\r\nbody\r\n',
  );
  await house.runner.idle();
  expect(server.lines.filter((line) => /^(?:LHLO|AUTH|MAIL|RCPT|DATA)/.test(line))).toEqual([
    'LHLO lhlo.test',
    'AUTH PLAIN AHVzZXIAd29yZA==',
    'MAIL FROM:<outside@baidu.com>',
    'RCPT TO:<lisi@qq.com>',
    'DATA',
  ]);
  expect(house.lines.some((line) => /^postfix\/lmtp: .*dsn=2\.1\.0, status=sent \(in its mailbox\)/.test(line))).toBe(
    true,
  );
  // It has no DSN here, and is taken for the last server (lmtp_assume_final).
  expect((await house.inbox('maomao@baidu.com'))[0]).toContain('Action: delivered');
});
