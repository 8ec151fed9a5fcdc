/** The runner: retries with an injected clock, windows, dead destinations, leases, shutdown, notifications. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { deny, NEXT, OK } from '../../../src/bus/plugin.ts';
import { type DestinationLimits, Destinations } from '../../../src/delivery/queue/destinations.ts';
import { parseFeedback } from '../../../src/delivery/queue/feedback.ts';
import { reply } from '../../../src/mail/status.ts';
import { openLineServer, openSink, type Script } from '../client/sink.ts';
import { type HouseOptions, openHouse, type TestHouse } from '../house.ts';

const QQ = { 'mx qq.com': ['10 mail.qq.com'], 'a mail.qq.com': ['127.0.0.1'] };
const MESSAGE = 'From: maomao@baidu.com\r\nTo: lisi@qq.com\r\nSubject: hi\r\n\r\nsecret words\r\n';

let house: TestHouse | null = null;
const servers: { close(): Promise<void> }[] = [];
afterEach(async () => {
  await house?.stop();
  house = null;
  for (const server of servers.splice(0)) await server.close();
});
const open = async (script: Script, options: HouseOptions = {}): Promise<TestHouse> => {
  const sink = await openSink(script);
  servers.push(sink);
  house = await openHouse({ dns: QQ, smtpPort: sink.port, ...options });
  house.runner.start();
  return house;
};
const later = async (at: TestHouse, ms: number): Promise<void> => {
  at.time.now += ms;
  at.runner.wake();
  await at.runner.idle();
};
const MINUTE = 60_000;

describe('retries', () => {
  it('P14: the wait doubles from minimal to maximal backoff, then the message is returned', async () => {
    const at = await open({ rcpt: () => [451, '4.2.0 not now'] }, { settings: { maximal_queue_lifetime: '6h' } });
    await at.submit({ reversePath: 'maomao@baidu.com', to: ['lisi@qq.com'] }, MESSAGE);
    await at.runner.idle();
    const waits: number[] = [];
    for (let item = (await at.queue())[0]; item !== undefined; item = (await at.queue())[0]) {
      waits.push((item.dueAt - at.time.now) / 1000);
      await later(at, item.dueAt - at.time.now - 1);
      expect((await at.queue())[0]?.attempts).toBe(item.attempts);
      await later(at, 1);
    }
    expect(waits).toEqual([300, 600, 1200, 2400, 4000, 4000, 4000, 4000, 4000]);
    const [bounce = ''] = await at.inbox('maomao@baidu.com');
    expect(bounce).toContain('Status: 4.2.0');
    expect(at.lines.some((line) => line.endsWith('from=<maomao@baidu.com>, status=expired, returned to sender'))).toBe(
      true,
    );
  });

  it('P14: the sender is warned after delay_warning_time and after four hours, once each', async () => {
    const at = await open({ rcpt: () => [451, 'not now'] }, { settings: { delay_warning_time: '5m' } });
    await at.submit(
      { reversePath: 'maomao@baidu.com', to: ['lisi@qq.com', { address: 'quiet@qq.com', notify: ['FAILURE'] }] },
      MESSAGE,
    );
    await at.runner.idle();
    expect(await at.inbox('maomao@baidu.com')).toHaveLength(0);
    await later(at, 6 * MINUTE);
    const [warning = '', ...more] = await at.inbox('maomao@baidu.com');
    expect(more).toEqual([]);
    expect(warning).toContain('Subject: Delayed Mail (still being retried)');
    expect(warning).toContain('Action: delayed');
    expect(warning).toContain('Will-Retry-Until: ');
    expect(warning).not.toContain('quiet@qq.com');
    expect(warning).not.toContain('secret words');
    await later(at, 60 * MINUTE);
    expect(await at.inbox('maomao@baidu.com')).toHaveLength(1);
    await later(at, 200 * MINUTE);
    await later(at, 200 * MINUTE);
    expect(await at.inbox('maomao@baidu.com')).toHaveLength(2);
  });

  it.each([
    ['yes', 2],
    ['no', 1],
  ])(
    'P16: confirm_delay_cleared = %s: the sender gets %i notifications of delayed mail that arrives',
    async (value, count) => {
      let isAway = true;
      const at = await open(
        { rcpt: () => (isAway ? [451, 'not now'] : null) },
        { settings: { delay_warning_time: '5m', confirm_delay_cleared: value } },
      );
      await at.submit({ reversePath: 'maomao@baidu.com', to: ['lisi@qq.com'] }, MESSAGE);
      await at.runner.idle();
      await later(at, 6 * MINUTE);
      isAway = false;
      await later(at, 60 * MINUTE);
      const notifications = await at.inbox('maomao@baidu.com');
      expect(notifications).toHaveLength(count);
      expect(notifications[1]?.includes('Subject: Successful Mail Delivery Report')).toBe(
        value === 'yes' ? true : undefined,
      );
    },
  );

  it('P13: a delivery is settled even if an observing plugin does not answer: a crash must not send it again', async () => {
    const at = await open({}, { handlers: { delivered: () => new Promise(() => {}) } });
    await at.submit({ to: ['lisi@qq.com'] }, MESSAGE);
    await at.runner.idle();
    expect(await at.queue()).toEqual([]);
  });

  it('P17: only the recipient whose address cannot be sent to another server bounces', async () => {
    const at = await open({});
    await at.submit(
      { reversePath: 'maomao@baidu.com', to: ['a@qq.com\u3000', 'lisi@qq.com'], smtputf8: false },
      MESSAGE,
    );
    await at.runner.idle();
    expect(await at.queue()).toEqual([]);
    expect(at.lines.some((line) => line.includes('to=<lisi@qq.com>') && line.includes('status=sent'))).toBe(true);
    expect((await at.inbox('maomao@baidu.com'))[0]).toContain('Status: 5.1.3');
  });

  it('P15: mail for a destination that is down is deferred without an attempt, until flush', async () => {
    house = await openHouse({ dns: QQ, smtpPort: 1, settings: { initial_destination_concurrency: '1' } });
    const at = house;
    at.runner.start();
    await at.submit({ to: ['a@qq.com'] }, MESSAGE);
    await at.runner.idle();
    for (const to of ['b@qq.com', 'c@qq.com']) {
      await at.submit({ to: [to] }, MESSAGE);
      await at.runner.idle();
    }
    expect((await at.queue()).map((item) => item.lastReply?.text)).toEqual([
      'connect to mail.qq.com[127.0.0.1]:1: Connection refused',
      'delivery temporarily suspended: connect to mail.qq.com[127.0.0.1]:1: Connection refused',
      'delivery temporarily suspended: connect to mail.qq.com[127.0.0.1]:1: Connection refused',
    ]);
    expect(await at.runner.flush({})).toBe(3);
    await at.runner.idle();
    expect((await at.queue()).map((item) => item.lastReply?.text)[0]).toBe(
      'connect to mail.qq.com[127.0.0.1]:1: Connection refused',
    );
  });

  describe('P15: pace', () => {
    /** Sends a message to each recipient; time passes when all of a step have arrived. Returns who got mail when, in s. */
    const paceOf = async (
      settings: Readonly<Record<string, string>>,
      steps: Readonly<Record<string, readonly string[]>>,
    ): Promise<Record<string, readonly string[]>> => {
      const pauses: { readonly ms: number; readonly go: () => void }[] = [];
      const sink = await openSink({});
      servers.push(sink);
      house = await openHouse({
        dns: { ...QQ, 'mx 163.com': ['10 mail.qq.com'] },
        smtpPort: sink.port,
        settings,
        after: (ms, go) => {
          const one = { ms, go };
          if (ms <= 20_000) pauses.push(one);
          return () => void (pauses.includes(one) && pauses.splice(pauses.indexOf(one), 1));
        },
      });
      const at = house;
      const began = at.time.now;
      const times: Record<string, string[]> = {};
      for (const to of Object.values(steps).flat()) await at.submit({ to: [to] }, MESSAGE);
      at.runner.start();
      let count = 0;
      for (const expected of Object.values(steps)) {
        const isOver = (): boolean => at.runner.active === Object.values(steps).flat().length - count - expected.length;
        await vi.waitFor(() => expect(sink.received.length >= count + expected.length && isOver()).toBe(true), 5_000);
        times[(at.time.now - began) / 1000] = sink.received.slice(count).flatMap(({ to }) => to.toSorted());
        count = sink.received.length;
        const [pause] = pauses.splice(0, 1);
        at.time.now += pause?.ms ?? 0;
        pause?.go();
      }
      return Object.fromEntries(Object.entries(times).map(([time, to]) => [time, to.toSorted()]));
    };

    it.each([
      [
        'smtp_destination_rate_delay is the time between two deliveries to one destination; others do not wait',
        { smtp_destination_rate_delay: '10s' },
        { 0: ['a@qq.com', 'd@163.com'], 10: ['b@qq.com'], 20: ['c@qq.com'] },
      ],
      [
        'with a recipient limit of 1 the delay is for each recipient',
        { default_destination_rate_delay: '10s', smtp_destination_recipient_limit: '1' },
        { 0: ['a@qq.com', 'b@qq.com'], 10: ['a@qq.com'] },
      ],
      [
        'smtp_transport_rate_delay is the time between two deliveries to any destination',
        { smtp_transport_rate_delay: '7s' },
        { 0: ['a@qq.com'], 7: ['d@163.com'], 14: ['b@qq.com'] },
      ],
    ])('%s', async (_name, settings, steps) => {
      expect(await paceOf(settings, steps)).toEqual(steps);
    });
  });

  it('P15: defer_transports holds mail until flush', async () => {
    const at = await open({}, { settings: { defer_transports: 'smtp' } });
    await at.submit({ to: ['lisi@qq.com'] }, MESSAGE);
    await at.runner.idle();
    expect((await at.queue())[0]?.lastReply?.text).toBe('deferred transport (smtp)');
    await at.runner.flush({});
    await at.runner.idle();
    expect(await at.queue()).toEqual([]);
  });

  it('P13: held mail stays until it is released, then reaches its mailbox', async () => {
    const at = await open({});
    await at.submit({}, MESSAGE, { prepare: (transaction) => (transaction.hold = 'wait') });
    await at.runner.flush({});
    await at.runner.idle();
    expect(await at.inbox('maomao@baidu.com')).toEqual([]);
    at.time.now += MINUTE;
    await at.store.queue.release({}, at.time.now);
    at.runner.wake();
    await at.runner.idle();
    expect(await at.inbox('maomao@baidu.com')).toHaveLength(1);
    expect(at.lines).toContainEqual(
      expect.stringMatching(/^postfix\/qmgr: \w+: from=<zhangsan@qq\.com>, size=\d+, nrcpt=1 \(queue active\)$/),
    );
    expect(await at.queue()).toEqual([]);
  });
});

describe('notifications', () => {
  it('P16: success is reported after local delivery if requested, with the header only', async () => {
    const at = await open({});
    const to = [{ address: 'xixi@baidu.com', notify: ['SUCCESS', 'FAILURE'] as const }, 'haha@baidu.com'];
    await at.submit({ reversePath: 'maomao@baidu.com', envid: 'a+3Db', to: to as never }, MESSAGE);
    await at.runner.idle();
    expect([(await at.inbox('xixi@baidu.com')).length, (await at.inbox('haha@baidu.com')).length]).toEqual([1, 1]);
    const [told = '', ...more] = await at.inbox('maomao@baidu.com');
    expect(more).toEqual([]);
    expect(told).toContain('Return-Path: <>\r\n');
    expect(told).toContain('Original-Envelope-Id: a=b\r\n');
    expect(told).toContain(
      'Final-Recipient: rfc822; xixi@baidu.com\r\nOriginal-Recipient: rfc822;xixi@baidu.com\r\nAction: delivered\r\nStatus: 2.0.0\r\n',
    );
    expect(told).toContain('Content-Type: text/rfc822-headers');
    expect(told).not.toContain('secret words');
  });

  it.each([
    ['NEVER', [], 0],
    ['DELAY', [], 0],
    ['FAILURE', ['secret words'], 1],
  ] as const)('P16: a failure with NOTIFY=%s', async (notify, contains, count) => {
    const at = await open({ rcpt: () => [550, '5.1.1 no'] });
    await at.submit({ reversePath: 'maomao@baidu.com', to: [{ address: 'lisi@qq.com', notify: [notify] }] }, MESSAGE);
    await at.runner.idle();
    const told = await at.inbox('maomao@baidu.com');
    expect(told).toHaveLength(count);
    for (const words of contains) expect(told[0]).toContain(words);
    expect(await at.queue()).toEqual([]);
  });

  it('P16: a bounce is a multipart/report of three parts with the null reverse-path, written by us only', async () => {
    const at = await open({ rcpt: () => [550, '5.1.1 no'] });
    await at.submit({ reversePath: 'maomao@baidu.com', to: ['lisi@qq.com'] }, MESSAGE);
    await at.runner.idle();
    const account = await at.store.directory.find('maomao@baidu.com');
    const inbox = await at.store.mailboxes.find(account?.id ?? 0, 'INBOX');
    for await (const [row] of at.store.mailboxes.rows(inbox?.id ?? 0, [[1, 1]], { root: true })) {
      expect(row?.root?.parameters).toContainEqual(['report-type', 'delivery-status']);
      expect(row?.root?.parts.map(({ type, subtype }) => `${type}/${subtype}`)).toEqual([
        'text/plain',
        'message/delivery-status',
        'message/rfc822',
      ]);
    }
    const [bounce = ''] = await at.inbox('maomao@baidu.com');
    expect(bounce).toMatch(/^Return-Path: <>\r\n/);
    expect(bounce).toContain('Auto-Submitted: auto-replied\r\n');
    expect(bounce).toContain('This is the mail system at host mail.baidu.com.');
    expect(bounce).toMatch(/\r\nDate: .*\r\n/);
    expect(bounce).toMatch(/\r\nMessage-Id: <.*@mail\.baidu\.com>\r\n/);
  });

  it('P16: RET=HDRS and large messages return only the header', async () => {
    const at = await open({ rcpt: () => [550, '5.1.1 no'] });
    await at.submit({ reversePath: 'maomao@baidu.com', ret: 'HDRS', to: ['lisi@qq.com'] }, MESSAGE);
    await at.submit({ reversePath: 'maomao@baidu.com', to: ['lisi@qq.com'] }, [MESSAGE, 'y'.repeat(60_000)]);
    await at.runner.idle();
    for (const text of await at.inbox('maomao@baidu.com')) {
      expect(text).toContain('Subject: hi');
      expect(text).not.toContain('secret words');
      expect(text).toMatch(/report-type=delivery-status/);
    }
  });

  it('P16: a message that the store does not return at once is returned completely if bounce_size_limit allows it', async () => {
    const at = await open(
      { rcpt: () => [550, '5.1.1 no'] },
      { settings: { bounce_size_limit: '9000000', message_size_limit: '20000000' } },
    );
    await at.submit({ reversePath: 'maomao@baidu.com', to: ['lisi@qq.com'] }, [
      MESSAGE,
      `${'y'.repeat(900)}\r\n`.repeat(5000),
    ]);
    await at.runner.idle();
    expect(await at.queue()).toEqual([]);
    const account = await at.store.directory.find('maomao@baidu.com');
    const inbox = await at.store.mailboxes.find(account?.id ?? 0, 'INBOX');
    for await (const [row] of at.store.mailboxes.rows(inbox?.id ?? 0, [[1, 1]], {}))
      expect(row?.size).toBeGreaterThan(4_500_000);
  });

  it('P16: a header that is too long for a notification is quoted up to a complete line', async () => {
    const at = await open({ rcpt: () => [550, '5.1.1 no'] });
    const fields = Array.from({ length: 3000 }, (_one, i) => `X-${i}: ${'v'.repeat(90)}\r\n`).join('');
    await at.submit(
      { reversePath: 'maomao@baidu.com', ret: 'HDRS', to: ['lisi@qq.com'] },
      `${fields}Subject: hi\r\n\r\nsecret words\r\n`,
    );
    await at.runner.idle();
    const [text = ''] = await at.inbox('maomao@baidu.com');
    expect(text.slice(text.indexOf('X-0: '))).toMatch(/^(?:X-\d+: v{90}\r\n)+\r\n--/);
  });

  it('P16: recipients of one message that fail together share one notification, wherever they fail', async () => {
    const table: Readonly<Record<string, readonly string[]>> = {
      'group@baidu.com': ['nobody1', 'nobody2', 'moved', 'maomao', 'lisi@qq.com', 'wangwu@qq.com', 'x@gone.com'],
    };
    const at = await open(
      { rcpt: (to) => (to.includes('wangwu') ? [451, '4.2.0 later'] : [550, '5.1.1 nobody']) },
      {
        handlers: {
          expand: ({ recipient, into }) => {
            if (recipient.address === 'moved@baidu.com') return deny(reply(550, '5.1.6', 'User has moved to x@y'));
            const members = table[recipient.address];
            if (members === undefined) return NEXT;
            for (const address of members) into.push({ ...recipient, address });
            return OK;
          },
        },
      },
    );
    await at.submit({ reversePath: 'xixi@baidu.com', to: ['group@baidu.com', 'alone@baidu.com'] }, MESSAGE);
    await at.runner.idle();
    const [bounce = '', ...more] = await at.inbox('xixi@baidu.com');
    expect(more).toEqual([]);
    expect([...bounce.matchAll(/^Final-Recipient: rfc822; (.*)\r$/gm)].map((match) => match[1]).sort()).toEqual(
      [
        'alone@baidu.com',
        'lisi@qq.com',
        'moved@baidu.com',
        'nobody1@baidu.com',
        'nobody2@baidu.com',
        'x@gone.com',
      ].sort(),
    );
    expect((await at.queue()).map((item) => item.recipient)).toEqual(['wangwu@qq.com']);
    expect(at.lines.filter((line) => line.includes('sender non-delivery notification'))).toHaveLength(1);
    expect(at.lines.filter((line) => / removed$/.test(line))).toHaveLength(1);
  });

  it('P16: a bounce that bounces goes to the postmaster, and a bounce of that is dropped', async () => {
    const at = await open({ rcpt: () => [550, '5.1.1 no'] });
    await at.submit({ reversePath: '', to: ['lisi@qq.com'] }, MESSAGE);
    await at.runner.idle();
    expect((await at.inbox('postmaster@baidu.com'))[0]).toContain('Return-Path: <double-bounce@mail.baidu.com>');
    expect((await at.inbox('postmaster@baidu.com'))[0]).toContain('Subject: Postmaster Copy: Undelivered Mail');
    await at.submit({ reversePath: 'double-bounce@mail.baidu.com', to: ['lisi@qq.com'] }, MESSAGE);
    await at.runner.idle();
    expect(await at.inbox('postmaster@baidu.com')).toHaveLength(1);
    expect(await at.queue()).toEqual([]);
  });

  it('P16: without 2bounce in notify_classes a bounced bounce is logged and dropped', async () => {
    const at = await open({ rcpt: () => [550, '5.1.1 no'] }, { settings: { notify_classes: 'resource' } });
    await at.submit({ reversePath: '', to: ['lisi@qq.com'] }, MESSAGE);
    await at.runner.idle();
    expect(await at.queue()).toEqual([]);
    expect(at.lines.some((line) => line.includes('undeliverable notification discarded'))).toBe(true);
  });

  it('P16: with protocol in notify_classes the postmaster gets the transcript of a broken session', async () => {
    const server = await openLineServer((line, socket) => {
      if (/^EHLO/.test(line)) socket.write('250 x\r\n');
      else socket.destroy();
    });
    servers.push(server);
    house = await openHouse({ dns: QQ, smtpPort: server.port, settings: { notify_classes: 'protocol' } });
    house.runner.start();
    await house.submit({ reversePath: 'maomao@baidu.com', to: ['lisi@qq.com'] }, MESSAGE);
    await house.runner.idle();
    const [notice = ''] = await house.inbox('postmaster@baidu.com');
    expect(notice).toContain(
      ' In:  220 rude ESMTP\r\n Out: EHLO mail.baidu.com\r\n In:  250 x\r\n Out: MAIL FROM:<maomao@baidu.com>',
    );
    expect(await house.queue()).toHaveLength(1);
  });

  it('a report with hostile text stays a single report', async () => {
    const server = await openLineServer((line, socket) => {
      if (/^EHLO/.test(line)) socket.write('250 x\r\n');
      else if (/^MAIL/.test(line)) socket.write('250 ok\r\n');
      else if (/^RCPT/.test(line))
        socket.write('550-5.1.1 a\r\n550-5.1.1 \x1b[31m--\r\n550 5.1.1 Action: delivered\r\n');
      else if (line === 'RSET') socket.write('250 ok\r\n');
    });
    servers.push(server);
    house = await openHouse({ dns: QQ, smtpPort: server.port });
    house.runner.start();
    await house.submit({ reversePath: 'maomao@baidu.com', to: ['lisi@qq.com'] }, MESSAGE);
    await house.runner.idle();
    const [bounce = ''] = await house.inbox('maomao@baidu.com');
    expect(bounce.match(/^Action: /gm)).toEqual(['Action: ']);
    expect(bounce).not.toContain('\x1b');
  });
});

describe('windows', () => {
  const limits: DestinationLimits = {
    initial: 2,
    limit: 4,
    positive: parseFeedback('1'),
    negative: parseFeedback('1'),
    failedCohorts: 1,
    rateDelay: 0,
    deadFor: 1000,
  };
  const failure = reply(451, '4.4.1', 'down');

  it('P15: start small, grow with success up to the limit, shrink with failure, suspend the destination after a window of failures, and recover', () => {
    const destinations = new Destinations(() => limits);
    const fill = (): number => {
      let n = 0;
      while (destinations.begin('qq.com', 'smtp')) n += 1;
      return n;
    };
    expect(fill()).toBe(2);
    destinations.end('qq.com', 'smtp', 'success', 0);
    expect(destinations.window('qq.com')).toBe(3);
    fill();
    for (let i = 0; i < 3; i += 1) {
      destinations.end('qq.com', 'smtp', 'success', 0);
      destinations.begin('qq.com', 'smtp');
      fill();
    }
    expect(destinations.window('qq.com')).toBe(4);
    // 1/4 and 1/3 of a window; half a one more is a whole.
    for (let i = 0; i < 2; i += 1) destinations.end('qq.com', 'smtp', failure, 0);
    expect([destinations.window('qq.com'), destinations.dead('qq.com', 0)]).toEqual([2, null]);
    destinations.end('qq.com', 'smtp', failure, 5);
    expect(destinations.dead('qq.com', 5)).toEqual(failure);
    // Mail that was put off says nothing about the destination.
    destinations.end('qq.com', 'smtp', 'untried', 6);
    expect(destinations.dead('qq.com', 1004)).toEqual(failure);
    expect(destinations.dead('qq.com', 1005)).toBeNull();
  });

  it.each([
    ['1', [2, 3, 4, 5, 6, 7, 8]],
    ['1/4', [1, 1, 1, 2, 2, 2, 2, 3]],
    ['0.5', [1, 2, 2, 3, 3, 4]],
    ['1/concurrency', [2, 2, 3, 3, 3, 4]],
    ['1 / sqrt_concurrency', [2, 2, 3, 3, 4]],
    // As in Postfix, 1 for what is not from 0 to 1.
    ['2', [2, 3]],
    ['0', [1, 1, 1]],
  ])('P15: with a positive feedback of %s the window grows as SCHEDULER_README says', (feedback, windows) => {
    const destinations = new Destinations(() => ({
      ...limits,
      initial: 1,
      limit: 100,
      positive: parseFeedback(feedback),
    }));
    const grown = windows.map(() => {
      while (destinations.begin('qq.com', 'smtp'));
      destinations.end('qq.com', 'smtp', 'success', 0);
      return destinations.window('qq.com');
    });
    expect(grown).toEqual(windows);
  });

  it('P15: destination_concurrency_feedback_debug says what each delivery changed', () => {
    const notes: string[] = [];
    const destinations = new Destinations(
      () => limits,
      (text) => notes.push(text),
    );
    destinations.begin('qq.com', 'smtp');
    destinations.end('qq.com', 'smtp', 'success', 0);
    destinations.end('qq.com', 'smtp', 'untried', 0);
    expect(notes).toEqual(['queue qq.com: limit 4 window 3 success 0 failure 0 fail_cohorts 0']);
  });

  it('P15: with a failed cohort limit of 0 a destination never dies, and a negative feedback of 1/2 counts each second failure', () => {
    const destinations = new Destinations(() => ({
      ...limits,
      initial: 4,
      failedCohorts: 0,
      negative: parseFeedback('1/2'),
    }));
    const shrunk = Array.from({ length: 8 }, () => {
      destinations.begin('qq.com', 'smtp');
      destinations.end('qq.com', 'smtp', failure, 0);
      return destinations.window('qq.com');
    });
    expect(shrunk).toEqual([3, 3, 2, 2, 1, 1, 1, 1]);
    expect(destinations.dead('qq.com', 0)).toBeNull();
  });

  it('P15: the number of remembered destinations is bounded', () => {
    const destinations = new Destinations(() => limits);
    for (let i = 0; i < 30_000; i += 1) {
      destinations.begin(`d${i}`, 'smtp');
      destinations.end(`d${i}`, 'smtp', failure, 0);
      destinations.begin(`d${i}`, 'smtp');
      destinations.end(`d${i}`, 'smtp', failure, 0);
    }
    expect(destinations.dead('d0', 1)).toBeNull();
    expect(destinations.dead('d29999', 1)).toEqual(failure);
  });
});
