import { describe, expect, it } from 'vitest';
import { deny, denyDisconnect, denySoft, NEXT, OK } from '../../../src/bus/hook.ts';
import { reply } from '../../../src/mail/status.ts';
import { SmtpClient } from '../../kit/smtp-client.ts';
import { clientForTest, type House, houseForTest } from './house.ts';

async function meet(at: House): Promise<SmtpClient> {
  const client = await clientForTest(at);
  expect(await client.reply()).toBe('220 mail.baidu.com ESMTP "Mail Server"');
  return client;
}

/** Sends each line on the left, expects the reply on the right. */
async function play(client: SmtpClient, ...dialog: readonly (readonly [string, string | RegExp])[]): Promise<void> {
  for (const [line, expected] of dialog) {
    const answer = await client.say(line);
    if (typeof expected === 'string') expect(answer, line).toBe(expected);
    else expect(answer, line).toMatch(expected);
  }
}

describe('the dialogs of the tutorials', () => {
  it('S2: without a login relaying is refused; after AUTH LOGIN it works', async () => {
    const client = await meet(await houseForTest());
    await play(
      client,
      ['ehlo mail.test.com', /250-AUTH PLAIN LOGIN\n250-AUTH=PLAIN LOGIN\n/],
      ['mail from:<maomao@baidu.com>', '250 2.1.0 Ok'],
      ['rcpt to:<lisi@qq.com>', '554 5.7.1 <lisi@qq.com>: Relay access denied'],
      ['rset', '250 2.0.0 Ok'],
      ['auth login', '334 VXNlcm5hbWU6'],
      ['bWFvbWFv', '334 UGFzc3dvcmQ6'],
      ['bWFvbWFv', '235 2.7.0 Authentication successful'],
      ['mail from:<maomao@baidu.com>', '250 2.1.0 Ok'],
      ['rcpt to:<lisi@qq.com>', '250 2.1.5 Ok'],
      ['quit', '221 2.0.0 Bye'],
    );
    expect(await client.reply()).toBe('');
  });

  it('P8: a message typed without HELO and without angle brackets is accepted', async () => {
    const at = await houseForTest();
    const client = await meet(at);
    await play(
      client,
      ['mail from:zhangsan@qq.com', '250 2.1.0 Ok'],
      ['rcpt to:maomao@baidu.com', '250 2.1.5 Ok'],
      ['data', '354 End data with <CR><LF>.<CR><LF>'],
      ['test mail\r\n.', /^250 2\.0\.0 Ok: queued as [0-9B-Zb-z]+$/],
      ['quit', '221 2.0.0 Bye'],
    );
    expect(at.taken[0]?.body.toString()).toBe('test mail\r\n');
    expect(at.taken[0]?.envelope).toMatchObject({
      reversePath: 'zhangsan@qq.com',
      recipients: [{ address: 'maomao@baidu.com' }],
    });
  });

  it('P7: unknown users of our domains are refused with the reply of their table, even if a plugin said OK', async () => {
    const client = await meet(await houseForTest({ hooks: { rcpt: () => OK } }));
    await client.say('mail from:<a@qq.com>');
    await play(
      client,
      [
        'rcpt to:<nobody@baidu.com>',
        '550 5.1.1 <nobody@baidu.com>: Recipient address rejected: User unknown in local recipient table',
      ],
      [
        'rcpt to:<nobody@group.com>',
        '550 5.1.1 <nobody@group.com>: Recipient address rejected: User unknown in virtual alias table',
      ],
      ['rcpt to:<lisi@qq.com>', '554 5.7.1 <lisi@qq.com>: Relay access denied'],
    );
  });

  describe('P7: a stranger may relay by a rule that was listed at startup, and by no other OK of a plugin', () => {
    const rules = new Map([
      ['smtpd_relay_restrictions', new Set(['check_client_access hash:friends'])],
      ['smtpd_recipient_restrictions', new Set(['permit_inet_interfaces'])],
    ]);
    const both = {
      smtpd_relay_restrictions: 'check_client_access hash:friends',
      smtpd_recipient_restrictions: 'permit_inet_interfaces',
    };
    const cases: readonly (readonly [string, unknown, boolean, RegExp])[] = [
      ['both lists name a listed rule', both, false, /^250 /],
      [
        'one list names none',
        { smtpd_relay_restrictions: 'check_client_access hash:friends' },
        false,
        /^554 5\.7\.1 .*Relay access denied/,
      ],
      ['a rule was not listed', { ...both, smtpd_relay_restrictions: 'permit' }, false, /^554 5\.7\.1 /],
      ['no rule is named', undefined, false, /^554 5\.7\.1 /],
      ['an unknown rule is named', 'permit', false, /^554 5\.7\.1 /],
      ['null is named', null, false, /^554 5\.7\.1 /],
      ['no rule is named, but the client is in mynetworks', undefined, true, /^250 /],
    ];
    it.each(cases)('%s', async (_name, relay, trusted, answer) => {
      const at = await houseForTest({
        hooks: { rcpt: () => ({ code: 'OK', relay }) as unknown as typeof OK },
        server: { relay: { trusts: () => trusted, rules } },
      });
      const client = await meet(at);
      await play(client, ['mail from:<a@qq.com>', '250 2.1.0 Ok'], ['rcpt to:<lisi@qq.com>', answer]);
      if (!answer.test('250 '))
        expect(at.log.join('\n')).toMatch(
          /this does not permit relaying, because it is not among the relaying rules printed when the server started/,
        );
    });

    it('if mynetworks cannot be looked up, the reply is temporary', async () => {
      const client = await meet(
        await houseForTest({
          hooks: { rcpt: () => OK },
          server: { relay: { trusts: () => Promise.reject(new Error('no answer')), rules } },
        }),
      );
      await play(
        client,
        ['mail from:<a@qq.com>', '250 2.1.0 Ok'],
        ['rcpt to:<lisi@qq.com>', '451 4.3.0 <lisi@qq.com>: Temporary lookup failure'],
      );
    });
  });

  it('a message to be discarded is accepted for any recipient, and no later plugin can undo the discard', async () => {
    const at = await houseForTest({
      hooks: {
        rcpt: ({ connection: { transaction } }) => {
          if (transaction !== null) transaction.discard = 'DISCARD action';
          return OK;
        },
        data: ({ connection: { transaction } }) => {
          if (transaction !== null) transaction.discard = null;
          return OK;
        },
      },
    });
    const client = await meet(at);
    await play(
      client,
      ['mail from:<a@qq.com>', '250 2.1.0 Ok'],
      ['rcpt to:<lisi@qq.com>', '250 2.1.5 Ok'],
      ['data', /^354/],
      ['x\r\n.', /^250/],
    );
    expect(at.taken[0]?.transaction.discard).toBe('DISCARD action');
  });
});

describe('the EHLO response', () => {
  it('is that of Postfix, in the same order', async () => {
    const client = await meet(await houseForTest());
    expect((await client.say('ehlo x')).split('\n').map((line) => line.slice(4))).toEqual(
      'mail.baidu.com,PIPELINING,SIZE 10240000,VRFY,ETRN,AUTH PLAIN LOGIN,AUTH=PLAIN LOGIN,ENHANCEDSTATUSCODES,8BITMIME,DSN,SMTPUTF8,CHUNKING'.split(
        ',',
      ),
    );
    expect(await client.say('helo x')).toBe('250 mail.baidu.com');
  });

  it('S1: omits AUTH in clear text if smtpd_tls_auth_only or noplaintext is set', async () => {
    for (const parameters of [
      { smtpd_tls_auth_only: 'yes' },
      { smtpd_sasl_security_options: 'noanonymous, noplaintext' },
      { smtpd_sasl_auth_enable: 'no' },
    ]) {
      const client = await meet(await houseForTest({ parameters }));
      expect(await client.say('ehlo x')).not.toContain('AUTH');
    }
    const client = await meet(await houseForTest({ parameters: { smtpd_tls_auth_only: 'yes' } }));
    expect(await client.say('auth plain AG1hb21hbwBtYW9tYW8=')).toBe(
      '538 5.7.0 Encryption required for requested authentication mechanism',
    );
  });

  it('P3: omits the keywords of smtpd_discard_ehlo_keywords, and their commands are refused', async () => {
    const client = await meet(
      await houseForTest({ parameters: { smtpd_discard_ehlo_keywords: 'chunking, dsn, smtputf8' } }),
    );
    expect(await client.say('ehlo x')).not.toMatch(/DSN|CHUNKING/);
    await play(
      client,
      ['mail from:<a@qq.com> RET=FULL', '501 5.7.1 DSN support is disabled'],
      ['mail from:<a@qq.com> SMTPUTF8', '555 5.5.4 Unsupported option: SMTPUTF8'],
      ['bdat 0', '521 5.5.1 Error: command not implemented'],
    );
  });
});

describe('AUTH', () => {
  it('S1: PLAIN works with and without an initial response, once per session', async () => {
    const at = await houseForTest();
    const first = await meet(at);
    await play(
      first,
      ['auth plain AG1hb21hbwBtYW9tYW8=', '235 2.7.0 Authentication successful'],
      ['auth plain', '503 5.5.1 Error: already authenticated'],
    );
    const second = await meet(at);
    await play(second, ['auth plain', '334 '], ['AG1hb21hbwBtYW9tYW8=', '235 2.7.0 Authentication successful']);
  });

  it('S1: errors have the replies of Postfix', async () => {
    const at = await houseForTest();
    const client = await meet(at);
    await play(
      client,
      ['auth', '501 5.5.4 Syntax: AUTH mechanism'],
      ['auth foo', '535 5.7.8 Error: authentication failed: Invalid authentication mechanism'],
      ['auth plain !!!', '535 5.7.8 Error: authentication failed: Invalid base64 data in initial response'],
      ['auth login', '334 VXNlcm5hbWU6'],
      ['%%%', '535 5.7.8 Error: authentication failed: Invalid base64 data in continued response'],
      ['auth plain', '334 '],
      ['*', '501 5.7.0 Authentication aborted'],
      ['auth plain AG1hb21hbwB3cm9uZw==', '535 5.7.8 Error: authentication failed: authentication failure'],
      ['mail from:<a@b>', '250 2.1.0 Ok'],
      ['auth plain', '503 5.5.1 Error: MAIL transaction in progress'],
    );
    expect(at.log.join('\n')).toContain(
      'unknown[127.0.0.1]: SASL plain authentication failed: authentication failure, sasl_username=maomao',
    );
    expect(at.log.join('\n')).not.toContain('wrong');
  });
});

describe('hooks', () => {
  it('S1: a plugin that sees account and mechanism refuses a login', async () => {
    const seen: unknown[] = [];
    const client = await meet(
      await houseForTest({
        hooks: {
          smtp_login: ({ connection, account, mechanism }) => {
            seen.push([connection.user?.login, account.address, mechanism]);
            return mechanism === 'LOGIN' ? deny(reply(535, '5.7.8', 'Not by LOGIN')) : NEXT;
          },
        },
      }),
    );
    await play(
      client,
      ['EHLO a.example', /^250-/],
      ['AUTH LOGIN bWFvbWFv', /^334 /],
      ['bWFvbWFv', '535 5.7.8 Not by LOGIN'],
      ['AUTH PLAIN AG1hb21hbwBtYW9tYW8=', '235 2.7.0 Authentication successful'],
    );
    expect(seen).toEqual([
      ['maomao', 'maomao@baidu.com', 'LOGIN'],
      ['maomao', 'maomao@baidu.com', 'PLAIN'],
    ]);
  });

  it('if the plugins of a stage cannot be asked, the stage fails and has no effect', async () => {
    const failing = new Set<string>(['helo', 'mail', 'rcpt', 'data']);
    const fail = (hook: string) => () => (failing.has(hook) ? Promise.reject(new Error('x')) : NEXT);
    const client = await meet(
      await houseForTest({
        parameters: { smtpd_helo_required: 'yes' },
        hooks: { helo: fail('helo'), mail: fail('mail'), rcpt: fail('rcpt'), data: fail('data') },
      }),
    );
    const broken = /^451 4\.3\.0 /;
    await play(client, ['EHLO a.example', broken], ['MAIL FROM:<a@qq.com>', /^503 5\.5\.1 /]);
    failing.delete('helo');
    await play(
      client,
      ['EHLO a.example', /^250-/],
      ['MAIL FROM:<a@qq.com>', broken],
      ['RCPT TO:<maomao@baidu.com>', /^503 5\.5\.1 /],
      ['DATA', /^503 5\.5\.1 /],
    );
    failing.delete('mail');
    await play(
      client,
      ['MAIL FROM:<a@qq.com>', '250 2.1.0 Ok'],
      ['RCPT TO:<maomao@baidu.com>', broken],
      ['DATA', /^554 5\.5\.1 /],
    );
    failing.delete('rcpt');
    // The octets of a refused chunk are read and never run as commands.
    await play(
      client,
      ['RCPT TO:<maomao@baidu.com>', '250 2.1.5 Ok'],
      ['DATA', broken],
      ['BDAT 6\r\nNOOP', broken],
      ['RSET', '250 2.0.0 Ok'],
      ['NOOP', '250 2.0.0 Ok'],
    );
  });

  it('P7: every stage asks plugins, and refusals without a text get that of Postfix', async () => {
    const client = await meet(
      await houseForTest({
        hooks: {
          helo: ({ name }) => (name === 'bad' ? deny() : NEXT),
          mail: ({ reversePath }) => (reversePath === 'bad@qq.com' ? denySoft() : NEXT),
          rcpt: ({ recipient }) => (recipient.address.startsWith('haha') ? deny() : NEXT),
          data: () => deny(),
          vrfy: () => deny(reply(550, '5.7.1', 'No')),
          etrn: () => deny(),
          unrecognized_command: ({ verb }) =>
            verb === 'XHELLO' ? { code: 'OK', reply: reply(250, '', 'hello') } : NEXT,
        },
      }),
    );
    await play(
      client,
      ['helo bad', '554 5.7.1 <bad>: Helo command rejected: Access denied'],
      ['mail from:<bad@qq.com>', '450 4.7.1 <bad@qq.com>: Sender address rejected: Access denied'],
      ['mail from:<a@qq.com>', '250 2.1.0 Ok'],
      ['rcpt to:<haha@baidu.com>', '554 5.7.1 <haha@baidu.com>: Recipient address rejected: Access denied'],
      ['rcpt to:<xixi@baidu.com>', '250 2.1.5 Ok'],
      ['data', '554 5.7.1 <DATA>: Data command rejected: Access denied'],
      ['rset', '250 2.0.0 Ok'],
      ['vrfy xixi', '550 5.7.1 No'],
      ['etrn qq.com', '554 5.7.1 <qq.com>: Etrn command rejected: Access denied'],
      ['xhello', '250 hello'],
      ['xbye', '500 5.5.2 Error: command not recognized'],
    );
  });

  it('P7: a client refused at connect may only QUIT; DENYDISCONNECT closes the connection', async () => {
    const refused = await SmtpClient.open((await houseForTest({ hooks: { connect: () => deny() } })).port);
    expect(await refused.reply()).toBe('554 5.7.1 <unknown[127.0.0.1]>: Client host rejected: Access denied');
    await play(refused, ['ehlo x', '503 5.7.0 Error: access denied for unknown[127.0.0.1]'], ['quit', '221 2.0.0 Bye']);
    const hungUp = await SmtpClient.open(
      (await houseForTest({ hooks: { connect: () => denyDisconnect(reply(421, '4.7.0', 'Go away')) } })).port,
    );
    expect(await hungUp.reply()).toBe('421 4.7.0 Go away');
    expect(await hungUp.reply()).toBe('');
    refused.destroy();
    hungUp.destroy();
  });

  it('P6: a refusal with 421 ends the session', async () => {
    const client = await meet(await houseForTest({ hooks: { mail: () => deny(reply(421, '4.7.1', 'Not now')) } }));
    expect(await client.say('mail from:<a@b>')).toBe('421 4.7.1 Not now');
    expect(await client.reply()).toBe('');
  });

  it('P7: a client that does not wait for the reply to EHLO or HELO is reported as pipelining', async () => {
    const seen: boolean[] = [];
    const at = await houseForTest({
      hooks: {
        rcpt: ({ connection }) => {
          seen.push(connection.pipelined);
          return NEXT;
        },
      },
    });
    const talk = async (octets: string, replies: number): Promise<void> => {
      const client = await meet(at);
      client.send(octets);
      for (let i = 0; i < replies; i += 1) await client.reply();
    };
    await talk('ehlo x\r\nmail from:<a@b>\r\nrcpt to:<xixi@baidu.com>\r\n', 3);
    await talk('helo x\r\n', 1);
    const client = await meet(at);
    await client.say('ehlo x');
    client.send('mail from:<a@b>\r\nrcpt to:<xixi@baidu.com>\r\n');
    await client.reply();
    await client.reply();
    expect(seen).toEqual([true, false]);
    await talk('ehlo x\r\nrset\r\nAUTH PLAIN AHhpeGkAc2VjcmV0\r\n', 3);
    expect(at.log.filter((line) => line.startsWith('improper'))).toEqual([
      'improper command pipelining after EHLO from unknown[127.0.0.1]: mail from:<a@b>\\r\\nrcpt to:<xixi@baidu.com>\\r\\n',
      // No secrets: Postfix goes on.
      'improper command pipelining after EHLO from unknown[127.0.0.1]: rset\\r\\nAUTH',
    ]);
  });

  it('an exception in a hook is answered without its text, and the session goes on', async () => {
    const at = await houseForTest({
      hooks: {
        mail: () => {
          throw new Error('secret');
        },
      },
    });
    const client = await meet(at);
    await play(client, ['mail from:<a@b>', /^451 4\.3\.0 /], ['noop', '250 2.0.0 Ok']);
    expect(at.log.some((line) => line.startsWith('ERROR internal error after MAIL'))).toBe(true);
  });

  it('an exception before the greeting closes the connection with 421', async () => {
    const at = await houseForTest({
      hooks: {
        connect: () => {
          throw new Error('secret');
        },
      },
    });
    const client = await SmtpClient.open(at.port);
    expect(await client.reply()).toBe('421 4.3.0 mail.baidu.com Server local data error');
    expect(await client.reply()).toBe('');
    client.destroy();
  });

  it('P19: logs a session in the format of maillog', async () => {
    const at = await houseForTest();
    const client = await meet(at);
    await client.run('ehlo x', 'mail from:<a@qq.com>', 'rcpt to:<maomao@baidu.com>');
    await client.say('rcpt to:<lisi@qq.com>');
    await client.run('rset', 'quit');
    client.end();
    await client.reply();
    await at.close();
    const queueId = at.log[1]?.split(':')[0];
    expect(at.log).toEqual([
      'connect from unknown[127.0.0.1]',
      `${queueId}: client=unknown[127.0.0.1]`,
      `${queueId}: reject: RCPT from unknown[127.0.0.1]: 554 5.7.1 <lisi@qq.com>: Relay access denied; from=<a@qq.com> to=<lisi@qq.com> proto=ESMTP helo=<x>`,
      'disconnect from unknown[127.0.0.1] ehlo=1 mail=1 rcpt=1/2 rset=1 quit=1 commands=5/6',
    ]);
  });
});

describe('limits', () => {
  it('P8: errors slow the client down, then end the session', async () => {
    const at = await houseForTest({ parameters: { smtpd_soft_error_limit: '2', smtpd_hard_error_limit: '4' } });
    const client = await meet(at);
    for (let i = 0; i < 4; i += 1) expect(await client.say('foo')).toBe('500 5.5.2 Error: command not recognized');
    expect(await client.reply()).toBe('421 4.7.0 mail.baidu.com Error: too many errors');
    expect(at.sleeps).toEqual([1000, 1000]);
  });

  it('P8: junk commands beyond the limit count as errors', async () => {
    const client = await meet(
      await houseForTest({ parameters: { smtpd_junk_command_limit: '3', smtpd_hard_error_limit: '2' } }),
    );
    for (let i = 0; i < 6; i += 1) expect(await client.say('noop')).toBe('250 2.0.0 Ok');
    expect(await client.reply()).toContain('too many errors');
  });

  it('P15: ETRN starts delivery only for domains that it may', async () => {
    const flushed: string[] = [];
    const client = await meet(
      await houseForTest({
        server: {
          flushDestination: async (domain) => {
            if (domain !== 'baidu.com') return false;
            flushed.push(domain);
            return true;
          },
        },
      }),
    );
    await play(
      client,
      ['etrn @Baidu.com', '250 Queuing started'],
      ['etrn elsewhere.example', '459 <elsewhere.example>: service unavailable'],
      ['etrn a..b', '501 Error: invalid parameter syntax'],
      ['etrn', '500 Syntax: ETRN domain'],
    );
    expect(flushed).toEqual(['baidu.com']);
  });

  it('P8: recipients beyond smtpd_recipient_limit get a temporary refusal', async () => {
    const client = await meet(await houseForTest({ parameters: { smtpd_recipient_limit: '1' } }));
    await client.run('mail from:<a@b>', 'rcpt to:<xixi@baidu.com>');
    expect(await client.say('rcpt to:<haha@baidu.com>')).toBe('452 4.5.3 Error: too many recipients');
  });

  it('P8: one client has at most smtpd_client_connection_count_limit connections', async () => {
    const at = await houseForTest({ parameters: { smtpd_client_connection_count_limit: '1' } });
    const first = await meet(at);
    const second = await SmtpClient.open(at.port);
    expect(await second.reply()).toBe('421 4.7.0 mail.baidu.com Error: too many connections from 127.0.0.1');
    second.destroy();
    await first.run('quit');
  });

  it('P8: rates are limited per client', async () => {
    const client = await meet(
      await houseForTest({
        parameters: { smtpd_client_message_rate_limit: '1', smtpd_client_recipient_rate_limit: '1' },
      }),
    );
    await client.run('mail from:<a@b>', 'rcpt to:<xixi@baidu.com>');
    expect(await client.say('rcpt to:<haha@baidu.com>')).toBe('450 4.7.1 Error: too many recipients from 127.0.0.1');
    await client.run('rset');
    expect(await client.say('mail from:<a@b>')).toBe('450 4.7.1 Error: too much mail from 127.0.0.1');
  });

  it('P8: a silent client is disconnected with 421', async () => {
    const at = await houseForTest({ parameters: { smtpd_timeout: '1' } });
    const client = await meet(at);
    expect(await client.reply()).toBe('421 4.4.2 mail.baidu.com Error: timeout exceeded');
    expect(at.log).toContain('timeout after CONNECT from unknown[127.0.0.1]');
  });

  it('P8: a client that drips a line is disconnected too', async () => {
    const client = await meet(await houseForTest({ parameters: { smtpd_timeout: '1' } }));
    const drip = setInterval(() => client.send('x'), 20);
    expect(await client.reply()).toBe('421 4.4.2 mail.baidu.com Error: timeout exceeded');
    clearInterval(drip);
  });

  it('P8: HTTP verbs end the session', async () => {
    const client = await meet(await houseForTest());
    client.send('GET / HTTP/1.1\r\nHost: x\r\nmail from:<a@b>\r\n');
    expect(await client.reply()).toBe('221 2.7.0 Error: I can break rules, too. Goodbye.');
    expect(await client.reply()).toBe('');
  });

  it('P8: a message sent as commands ends the session, whatever its first field', async () => {
    for (const line of ['Subject: x', 'MAILFROM:<a@b>', 'x-y : z']) {
      const client = await meet(await houseForTest());
      expect(await client.say('  noop')).toBe('250 2.0.0 Ok');
      expect(await client.say(line)).toBe('221 2.7.0 Error: I can break rules, too. Goodbye.');
      expect(await client.reply()).toBe('');
    }
  });

  it('P8: octets of another protocol end the session if smtpd_forbidden_commands matches letters', async () => {
    const client = await meet(
      await houseForTest({ parameters: { smtpd_forbidden_commands: 'CONNECT,GET,POST,regexp:{{/^[^A-Z]/Bogus}}' } }),
    );
    expect(await client.say('')).toBe('500 5.5.2 Error: bad syntax');
    expect(await client.say('.')).toBe('221 2.7.0 Error: I can break rules, too. Goodbye.');
    expect(await client.reply()).toBe('');
  });

  it('P20: queue_minfree refuses mail while less is free on the disk', async () => {
    let free = 1000;
    const at = await houseForTest({ parameters: { queue_minfree: '1000' }, server: { freeOctets: () => free } });
    const client = await meet(at);
    expect(await client.say('MAIL FROM:<a@b.example>')).toBe('452 4.3.1 Insufficient system storage');
    free = 1001;
    expect(await client.say('MAIL FROM:<a@b.example>')).toBe('250 2.1.0 Ok');
  });

  it('of a long line the rest counts for nothing, a longer one is refused, and one without an end closes the connection', async () => {
    const at = await houseForTest();
    const client = await meet(at);
    expect(await client.say(`noop ${'x'.repeat(3000)}`)).toBe('250 2.0.0 Ok');
    expect(await client.say(`noop ${'x'.repeat(300_000)}`)).toBe('500 5.5.2 Error: line too long');
    expect(await client.say('noop')).toBe('250 2.0.0 Ok');
    client.send(Buffer.alloc(1_200_000, 'x'));
    expect(await client.reply()).toBe('500 5.5.2 Error: line too long');
    expect(await client.reply()).toBe('');
  });

  it('commands that only the SMTP library knows are refused like any unknown command', async () => {
    const client = await meet(await houseForTest());
    for (const verb of ['WIZ x', 'SHELL', 'KILL', 'toString', '__proto__', 'constructor']) {
      expect(await client.say(verb)).toBe('500 5.5.2 Error: command not recognized');
    }
  });
});

describe('closing', () => {
  it('idle clients get 421; a transaction in progress may finish', async () => {
    const at = await houseForTest();
    const idle = await meet(at);
    const busy = await meet(at);
    await busy.run('mail from:<a@b>', 'rcpt to:<xixi@baidu.com>', 'data');
    const closed = at.smtp.close(10_000);
    expect(await idle.reply()).toBe('421 4.3.2 mail.baidu.com Service shutting down and closing transmission channel');
    idle.end();
    expect(await busy.say('hello\r\n.')).toMatch(/^250 /);
    expect(await busy.reply()).toMatch(/^421 4\.3\.2 /);
    busy.end();
    await closed;
    expect(at.smtp.sessions).toBe(0);
  });
});
