/** Prometheus' own checker reads what a server says of itself, and has nothing to object. */
import { expect, it } from 'vitest';
import { freeOffset } from '../kit/ports.ts';
import { startServer } from '../kit/server.ts';
import { SmtpClient } from '../kit/smtp-client.ts';
import { run } from './program.ts';

it('G11: promtool accepts the metrics, from the port and from the command', async () => {
  const server = await startServer({
    files: {
      'main.cf':
        'myhostname = mail.example.test\nmydestination = example.test\ninet_interfaces = 127.0.0.1\nmetrics_listen = 127.0.0.1:80\nalias_maps =\nalias_database =\n',
      plugins: 'restrictions\nrewriting\n',
    },
    accounts: { 'xixi@example.test': 'sesame' },
    portOffset: await freeOffset(),
  });
  try {
    const smtp = await SmtpClient.open(server.port(25));
    await smtp.reply();
    await smtp.run(
      'EHLO c.example',
      'MAIL FROM:<a@b.example>',
      'RCPT TO:<xixi@example.test>',
      'DATA',
      'x: y\r\n.',
      'QUIT',
    );
    await SmtpClient.open(server.port(587)).then((other) => other.hangUp());
    const metrics = `http://127.0.0.1:${server.port(80)}/metrics`;
    await fetch(metrics);
    const text = await (await fetch(metrics)).text();
    for (const name of [
      'nodejs_eventloop_lag_p99_seconds',
      'posthorn_deliveries_total',
      'posthorn_hook_duration_seconds_bucket',
      'posthorn_certificate_expiry',
    ])
      expect(text).toContain(name);
    for (const input of [text, await server.command(['metrics'])])
      expect(await run('promtool', ['check', 'metrics'], { input })).toEqual({ code: 0, out: '', err: '' });
  } finally {
    await server.stop();
  }
});
