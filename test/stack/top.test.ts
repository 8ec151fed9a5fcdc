/** `posthorn top` reads what a server has just written to its log. */
import { expect, it } from 'vitest';
import { freeOffset } from '../kit/ports.ts';
import { startServer } from '../kit/server.ts';
import { SmtpClient } from '../kit/smtp-client.ts';

it('G11: a login that sends much is the first row, with what was refused; so is its log on another machine', async () => {
  const server = await startServer({
    files: {
      'main.cf':
        'compatibility_level = 3.6\nmyhostname = mail.example.test\nmydestination = example.test\ninet_interfaces = 127.0.0.1\nmynetworks = 192.0.2.1\nsmtpd_sasl_auth_enable = yes\nrelayhost = [127.0.0.1]:1\nalias_maps =\nalias_database =\n',
      'master.cf': 'smtp inet n - n - - smtpd\n',
    },
    accounts: { 'xixi@example.test': 'sesame' },
    portOffset: await freeOffset(),
  });
  try {
    const hacked = await SmtpClient.open(server.port(25));
    await hacked.reply();
    await hacked.run('EHLO c.example', `AUTH PLAIN ${Buffer.from('\0xixi\0sesame').toString('base64')}`);
    for (const to of [['a', 'b', 'c'], ['d']]) {
      await hacked.run('MAIL FROM:<a@b.example>', ...to.map((name) => `RCPT TO:<${name}@far.example>`));
      expect(await hacked.say('RCPT TO:<nobody@example.test>')).toMatch(/^550/);
      await hacked.run('DATA', 'Subject: buy\r\n\r\nnow\r\n.');
    }
    const stranger = await SmtpClient.open(server.port(25));
    await stranger.reply();
    await stranger.run('EHLO d.example', 'MAIL FROM:<c@d.example>', 'RCPT TO:<xixi@example.test>');
    await stranger.run('DATA', 'Subject: hi\r\n\r\nho\r\n.', 'QUIT');
    hacked.hangUp();
    const top = async (...args: readonly string[]): Promise<readonly Record<string, unknown>[]> =>
      JSON.parse(await server.command(['top', '--json', ...args])) as readonly Record<string, unknown>[];
    const first = { user: 'xixi', messages: 2, recipients: 4, sent: 0, deferred: 4, bounced: 0, rejected: 2 };
    await expect.poll(() => top(), { timeout: 20_000, interval: 1_000 }).toMatchObject([first, { user: '-', sent: 1 }]);
    const file = `${server.folders.data}/log/mail.jsonl`;
    expect(await top(file, '--since', '1d', '-n', '1')).toMatchObject([first]);
    expect(await server.command(['top', '--by', 'recipient-domain'])).toMatch(
      /^recipient-domain +messages +recipients .*\n.*\nexample\.test +1 +1 +\d+ +1 +0 +0 +2\nfar\.example +2 +0 +\d+ +0 +4 +0 +0\n$/,
    );
  } finally {
    await server.stop();
  }
});
