/** What tables say of a delivery's status, and what notifications refer to. */
import { afterEach, describe, expect, it } from 'vitest';
import { openHouse, type TestHouse, tablesOf } from '../house.ts';

let house: TestHouse;
afterEach(() => house.stop());

const TEXT =
  'Message-Id: <7@b.example>\r\nDate: Mon, 1 Jan 2024 00:00:00 +0000\r\nFrom: a@b.example\r\nTo: c@d.example\r\n\r\nbody\r\n';

/** The log of mail for an unknown user where a filter has this result. */
async function statusOf(result: string): Promise<readonly string[]> {
  house = await openHouse({
    settings: { local_delivery_status_filter: 'pcre:/filter' },
    tables: tablesOf({ 'pcre:/filter': (line) => (line.startsWith('5.1.1 ') ? result : undefined) }),
  });
  house.runner.start();
  await house.submit({ to: ['nobody@baidu.com'], reversePath: 'xixi@baidu.com' }, TEXT);
  await house.runner.idle();
  return house.lines
    .filter((line) => line.includes('to=<nobody@') || line.includes('ignoring bad result'))
    .map((line) => line.replace(/^.*(dsn=.*)$/s, '$1'));
}

describe('P16: a delivery status filter', () => {
  it.each([
    ['5.7.1 not here', ['dsn=5.7.1, status=bounced (not here)']],
    ['4.1.1 perhaps later', ['dsn=4.1.1, status=deferred (perhaps later)']],
  ])('replaces the status and text of a failure: %s', async (result, expected) => {
    expect(await statusOf(result)).toEqual(expected);
  });

  it.each(['2.0.0 fine', 'DUNNO', '5.1.1'])('cannot make a success of it, nor nothing: %s', async (result) => {
    expect(await statusOf(result)).toEqual([
      expect.stringMatching(
        /local_delivery_status_filter: pcre:\/filter: ignoring bad result for "5\.1\.1 unknown user/,
      ),
      'dsn=5.1.1, status=bounced (unknown user: "nobody")',
    ]);
  });
});

describe('P16: virtual_delivery_status_filter', () => {
  it('is asked about virtual mailboxes, and local_delivery_status_filter is not', async () => {
    house = await openHouse({
      settings: {
        virtual_mailbox_domains: 'v.example',
        virtual_delivery_status_filter: 'pcre:/v',
        local_delivery_status_filter: 'pcre:/l',
      },
      tables: tablesOf({ 'pcre:/v': () => '5.7.1 by virtual', 'pcre:/l': () => '5.7.2 by local' }),
    });
    house.runner.start();
    await house.submit({ to: ['nobody@v.example', 'nobody@baidu.com'], reversePath: '' }, TEXT);
    await house.runner.idle();
    expect(
      house.lines.flatMap((line) => / to=<(nobody@[^>]*)>.*status=bounced (.*)/.exec(line)?.slice(1) ?? []),
    ).toEqual(['nobody@v.example', '(by virtual)', 'nobody@baidu.com', '(by local)']);
  });
});

describe('P16: notifications', () => {
  it('refer to the message with enable_threaded_bounces, and not without', async () => {
    for (const [wanted, expected] of [
      ['yes', ['References: <7@b.example>', 'In-Reply-To: <7@b.example>']],
      ['no', []],
    ] as const) {
      house = await openHouse({ settings: { enable_threaded_bounces: wanted } });
      house.runner.start();
      await house.submit({ to: ['nobody@baidu.com'], reversePath: 'xixi@baidu.com' }, TEXT);
      await house.runner.idle();
      const [text = ''] = await house.inbox('xixi@baidu.com');
      expect(text.split('\r\n\r\n')[0]?.match(/^(References|In-Reply-To): .*$/gm) ?? []).toEqual(expected);
      if (wanted === 'yes') await house.stop();
    }
  });
});
