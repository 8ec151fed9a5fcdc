import { writeFileSync } from 'node:fs';
import { join as pathOf } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer, type TestServerOptions } from '../../src/authoring/test-server.ts';

import { pluginState } from '../../src/bus/plugin-state.ts';
import { removeFolder, temporaryFolder } from '../../test/kit/folder.ts';
import { memoryStates } from '../../test/kit/states.ts';
import { bounced, failuresOf } from './bounces.ts';
import { makeList } from './list.ts';
import { split } from './message.ts';
import { keyOf, Sending } from './sending.ts';
import { Signatures } from './signatures.ts';

const plugins = [import.meta.dirname];
const folder = temporaryFolder('mailing-list');
afterAll(() => removeFolder(folder));
const LIST = 'friends@example.test';
const ANNA = 'anna@example.org';
const BERT = 'bert@example.net';
const FRIENDS = { name: 'Friends', owners: ['owner@example.test'], prefix: '[friends]' };

const start = (
  friends: object = {},
  more: object = {},
  options: Partial<TestServerOptions> = {},
): Promise<TestServer> =>
  startTestServer({
    plugins,
    config: { 'mailing-list': { lists: { [LIST]: { ...FRIENDS, ...friends } }, ...more } },
    accounts: ['owner@example.test', 'user@example.test'],
    worker: false,
    ...options,
  });

/** What waits in the queue for an address, the newest last. */
const mailFor = async (server: TestServer, address: string): Promise<readonly { sender: string; text: string }[]> =>
  (await server.queued()).filter(({ recipient }) => recipient === address);

async function confirmed(server: TestServer, address: string, pattern: RegExp): Promise<void> {
  const asked = (await mailFor(server, address))
    .map(({ text }) => pattern.exec(text)?.[0])
    .filter((one) => one !== undefined);
  expect(asked).not.toEqual([]);
  expect(await server.send({ from: address, to: asked.at(-1) ?? '' })).toMatch(/^250 /);
}
const TOKEN = /friends-confirm\+[0-9a-f]{40}@example\.test/;

async function join(server: TestServer, address: string): Promise<void> {
  expect(await server.send({ from: address, to: 'friends-subscribe@example.test' })).toMatch(/^250 /);
  await confirmed(server, address, TOKEN);
}

const post = (
  server: TestServer,
  from: string,
  subject: string,
  header: Record<string, string> = {},
): Promise<string> =>
  server.send({ from, to: LIST, header: { From: from, To: LIST, Subject: subject, ...header }, text: `${subject}\n` });

const reportFor = (recipient: string, status = '5.1.1'): string =>
  [
    'From: MAILER-DAEMON@example.org',
    'MIME-Version: 1.0',
    'Content-Type: multipart/report; report-type=delivery-status; boundary="b"',
    '',
    '--b',
    '',
    'Sorry.',
    '--b',
    'Content-Type: message/delivery-status',
    '',
    'Reporting-MTA: dns; mx.example.org',
    '',
    `Final-Recipient: rfc822; ${recipient}`,
    'Action: failed',
    `Status: ${status}`,
    '',
    '--b--',
    '',
  ].join('\n');

it('G18: people join by mail, get posts and digests, are suspended when mail bounces, and leave by one click', async () => {
  await using server = await start(
    {},
    { url: 'https://lists.example.test/plugins/mailing-list', bounces: { most: 1 } },
  );
  expect(await post(server, ANNA, 'Too early')).toMatch(/^550 5\.7\.2 <anna@example\.org> is no member of friends@/);
  for (const one of [ANNA, BERT]) await join(server, one);

  expect(await post(server, ANNA, 'Hello', { 'List-Id': '<other.example.org>', Sender: 'x@example.org' })).toMatch(
    /^250 /,
  );
  const [copy] = (await mailFor(server, BERT)).filter(({ text }) => text.includes('Subject: [friends] Hello'));
  expect(copy?.sender).toMatch(/^friends-bounces\+[0-9a-z]+@example\.test$/);
  const text = copy?.text ?? '';
  for (const field of [
    'From: anna@example.org',
    'List-Id: Friends <friends.example.test>',
    'List-Post: <mailto:friends@example.test>',
    'List-Help: <mailto:friends-request@example.test?subject=help>',
    'List-Subscribe: <mailto:friends-subscribe@example.test>',
    'List-Unsubscribe-Post: List-Unsubscribe=One-Click',
    'List-Owner: <mailto:friends-owner@example.test>',
    'Sender: <friends-bounces@example.test>',
    'Precedence: list',
  ])
    expect(text).toContain(`${field}\r\n`);
  expect(text).not.toContain('other.example.org');
  expect(text).not.toContain('auto-generated');

  // What is not signed by the list counts for nothing.
  const forged = { from: '', to: 'friends-bounces+kq0123456789012345678901234@example.test', message: reportFor(BERT) };
  expect(await server.send(forged)).toMatch(/^250 /);
  expect(await server.metric('posthorn_plugin_mailing_list_events_total', { event: 'bounced' })).toBeUndefined();
  // As a BATV tag makes it.
  await server.send({ from: '', to: `prvs=1234abcdef=${copy?.sender ?? ''}`, message: reportFor(BERT) });
  const [told] = await server.messages('owner@example.test');
  expect(told?.header.get('Subject')).toBe('bert@example.net is suspended from friends@example.test');
  await post(server, ANNA, 'Second');
  expect((await mailFor(server, BERT)).some((one) => one.text.includes('[friends] Second'))).toBe(false);
  await confirmed(server, BERT, TOKEN);
  await post(server, ANNA, 'Third');
  expect((await mailFor(server, BERT)).some((one) => one.text.includes('[friends] Third'))).toBe(true);

  const [, link = ''] = /<https:\/\/lists\.example\.test(\/plugins\/[^>]+)>,\r\n <mailto:/.exec(text) ?? [];
  expect((await server.request('GET', link)).text).toContain('<button>Remove bert@example.net');
  expect((await server.request('POST', `${link}0`)).status).toBe(404);
  const body = 'List-Unsubscribe=One-Click';
  expect((await server.request('POST', link, { body })).status).toBe(200);
  expect((await server.request('POST', link, { body })).status).toBe(200);
  await post(server, ANNA, 'Fourth');
  expect((await mailFor(server, BERT)).some((one) => one.text.includes('[friends] Fourth'))).toBe(false);

  await server.send({
    from: ANNA,
    to: 'friends-request@example.test',
    header: { From: ANNA, Subject: 'set digest on' },
  });
  await confirmed(server, ANNA, TOKEN);
  for (const subject of ['Fifth', 'Sixth']) await post(server, ANNA, subject);
  expect((await mailFor(server, ANNA)).some((one) => one.text.includes('[friends] Fifth'))).toBe(false);
  await server.clock.advance({ days: 1 });
  const digests = (await mailFor(server, ANNA)).filter((one) => one.text.includes('multipart/digest'));
  expect(digests).toHaveLength(1);
  expect(digests[0]?.text).toMatch(
    /Subject: \[friends\] digest, 2 messages[\s\S]*1\. \[friends\] Fifth[\s\S]*2\. \[friends\] Sixth/,
  );
  expect(digests[0]?.text).toMatch(/-posts\r\n\r\n(?:.+\r\n)*Subject: \[friends\] Fifth\r\n/);
});

describe('what is not posted', () => {
  it('mail of programs, notifications, mail that has been on the list, and what is too long', async () => {
    await using server = await start({ posts: 'anyone', max_size: 1000 });
    expect(await post(server, ANNA, 'x', { 'List-Id': 'F <friends.example.test>' })).toMatch(/^550 5\.4\.6 /);
    expect(await post(server, ANNA, 'x', { 'Auto-Submitted': 'auto-replied' })).toMatch(/^550 5\.7\.1 /);
    expect(await server.send({ from: '', to: LIST })).toBe('550 5.7.1 Notifications are not posted to a list');
    expect(await post(server, ANNA, 'x'.repeat(900))).toMatch(/^552 5\.3\.4 friends@example\.test takes at most 1000/);
    expect(await post(server, ANNA, 'x', { From: 'a@example.org, b@example.org' })).toMatch(/^550 5\.6\.0 /);
    expect(await server.queued()).toEqual([]);
  });

  it('mail on its way to a content filter: it is posted when it comes back', async () => {
    const mainCf = { content_filter: 'smtp:[127.0.0.1]:9', defer_transports: 'smtp' };
    await using server = await start({ posts: 'anyone', members: 'f.txt' }, {}, { mainCf, files: { 'f.txt': BERT } });
    await server.clock.advance({ minutes: 1 });
    expect(await post(server, ANNA, 'x')).toMatch(/^250 /);
    expect((await server.queued()).map(({ recipient }) => recipient)).toEqual([LIST]);
  });

  it('mail that a rule holds is refused, because nothing could post it later', async () => {
    const mainCf = { smtpd_recipient_restrictions: `check_recipient_access inline:{ { ${LIST} = HOLD } }` };
    await using server = await start({ posts: 'anyone' }, {}, { mainCf });
    expect(await post(server, ANNA, 'x')).toBe('550 5.7.1 This message is to be held, and a list cannot hold mail');
  });

  it('what comes by an alias bounces, because the list has not seen it', async () => {
    await using server = await start(
      { posts: 'anyone' },
      {},
      { mainCf: { virtual_alias_maps: 'inline:{ { pals@example.test = friends@example.test } }' } },
    );
    expect(await server.send({ from: 'user@example.test', to: 'pals@example.test' })).toMatch(/^250 /);
    await expect.poll(() => server.messages('user@example.test')).toHaveLength(1);
    const [bounce] = await server.messages('user@example.test');
    expect(bounce?.text).toContain('friends@example.test cannot be reached by an alias');
  });
});

describe('commands', () => {
  it('only the owner of an address can confirm, once, and not for ever', async () => {
    await using server = await start({}, { confirm_within: '1 h' });
    await server.send({ from: ANNA, to: 'friends-subscribe@example.test' });
    const token = TOKEN.exec((await mailFor(server, ANNA))[0]?.text ?? '')?.[0] ?? '';
    await server.send({ from: BERT, to: `friends-confirm+${'0'.repeat(40)}@example.test` });
    expect(await post(server, ANNA, 'x')).toMatch(/^550 /);
    // A program that answers everything confirms nothing.
    await server.send({ from: ANNA, to: token, header: { From: ANNA, 'Auto-Submitted': 'auto-replied' } });
    expect(await post(server, ANNA, 'x')).toMatch(/^550 /);
    await server.clock.advance({ hours: 2 });
    await server.send({ from: ANNA, to: token });
    expect(await post(server, ANNA, 'x')).toMatch(/^550 /);
  });

  it('nobody is mailed more answers in a day than the configuration says', async () => {
    await using server = await start({}, { answers_per_day: 2 });
    for (let i = 0; i < 5; i += 1) await server.send({ from: ANNA, to: 'friends-subscribe@example.test' });
    expect(await mailFor(server, ANNA)).toHaveLength(2);
    await server.clock.advance({ days: 1 });
    await server.send({ from: ANNA, to: 'friends-subscribe@example.test' });
    expect(await mailFor(server, ANNA)).toHaveLength(3);
  });

  it('owners see who is on the list, others do not; members of a file are on it, unless they have left', async () => {
    await using server = await start(
      { members: 'friends.txt' },
      {},
      { files: { 'friends.txt': `# ours\n${ANNA}\nnobody\n${BERT}\n` } },
    );
    await server.clock.advance({ minutes: 1 });
    await server.logged(/friends\.txt:3: is no address/);
    await server.send({ from: BERT, to: 'friends-unsubscribe@example.test' });
    await confirmed(server, BERT, TOKEN);
    const who = { to: 'friends-request@example.test', text: 'who\n' };
    await server.send({ ...who, from: 'owner@example.test' });
    await server.send({ ...who, from: ANNA });
    const [list] = await server.messages('owner@example.test');
    expect(list?.text).toMatch(/Subject: 1 members of friends@example\.test[\s\S]*\r\n\r\nanna@example\.org\r\n/);
    expect((await mailFor(server, ANNA)).at(-1)?.text).toContain('Only owners may ask');
  });

  it('mail to the owner address reaches the owners, and a closed list adds nobody', async () => {
    await using server = await start({ subscription: 'closed' });
    await server.send({ from: ANNA, to: 'friends-owner@example.test', text: 'Please.\n' });
    expect((await server.messages('owner@example.test'))[0]?.text).toContain('Please.');
    await server.send({ from: ANNA, to: 'friends-subscribe@example.test' });
    expect((await mailFor(server, ANNA))[0]?.text).toContain('adds nobody by mail');
  });
});

it('other recipients of a post get it as it was sent, and a post that comes again is not posted again', async () => {
  await using server = await start({ posts: 'anyone', dmarc_mitigation: 'munge_from' });
  await join(server, BERT);
  const letter = {
    from: ANNA,
    to: [LIST, 'user@example.test'],
    header: { From: `Anna <${ANNA}>`, Subject: 'Hi', 'Message-ID': '<1@x>' },
  };
  for (let i = 0; i < 2; i += 1) expect(await server.send(letter)).toMatch(/^250 /);
  expect((await server.messages('user@example.test'))[0]?.header.get('Subject')).toBe('Hi');
  const copies = (await mailFor(server, BERT)).filter(({ text }) => text.includes('[friends] Hi'));
  expect(copies).toHaveLength(1);
  expect(copies[0]?.text).toContain('From: Anna via Friends <friends@example.test>\r\n');
  expect(copies[0]?.text).toContain(`Reply-To: <${ANNA}>\r\n`);
});

it('a list without owners, or whose addresses another list has, is refused at start', async () => {
  await expect(start({ owners: [] })).rejects.toThrow(/friends@example\.test has no owners/);
  await expect(start({ owners: [LIST] })).rejects.toThrow(/an owner of friends@example\.test, is an address of a list/);
  const lists = { [LIST]: FRIENDS, 'friends-request@example.test': FRIENDS };
  await expect(start({}, { lists })).rejects.toThrow(/friends-request@example\.test is of .*; rename one/);
});

it('a refusal that our own queue gets counts, and its notification is not posted or sent to anybody', async () => {
  const face = JSON.stringify(new URL('../../src/bus/plugin.ts', import.meta.url).pathname);
  writeFileSync(
    pathOf(folder, 'no-mail.ts'),
    `import { definePlugin, deny, NEXT } from ${face};
export default definePlugin({ name: 'no-mail', register(server) { server.on('get_mx', ({ domain }) => domain === 'example.net' ? deny() : NEXT); } });`,
  );
  await using server = await start(
    { posts: 'anyone', members: 'friends.txt' },
    { bounces: { most: 1 } },
    {
      plugins: [...plugins, pathOf(folder, 'no-mail.ts')],
      files: { 'friends.txt': `user@example.test\n${BERT}\n` },
      mainCf: { defer_transports: '' },
    },
  );
  await server.clock.advance({ minutes: 1 });
  expect(await post(server, ANNA, 'Hello')).toMatch(/^250 /);
  await server.logged(/friends@example\.test: suspended: bert@example\.net/);
  const subjects = (await server.messages('user@example.test')).map(({ header }) => header.get('Subject'));
  expect(subjects).toEqual(['[friends] Hello']);
  const [told] = await server.messages('owner@example.test');
  expect(told?.header.get('Subject')).toBe('bert@example.net is suspended from friends@example.test');
});

describe('bounces', () => {
  const rules = { most: 2, within: 14 * 86_400, soft: 0.25 };
  const day = (n: number): { rules: typeof rules; now: number } => ({ rules, now: (20_000 + n) * 86_400_000 });

  it('weigh once a day, temporary ones less, and are forgotten', () => {
    const once = bounced(bounced({}, true, day(0)), true, day(0));
    expect(once).toEqual({ bounces: [[20_000, 1]] });
    expect(bounced(once, false, day(1)).suspended).toBeUndefined();
    expect(bounced(once, true, day(1)).suspended).toBe(day(1).now);
    expect(bounced(once, true, day(14))).toEqual({ bounces: [[20_014, 1]] });
  });

  it.each([
    [reportFor(BERT), [{ recipients: [BERT], isHard: true }]],
    [reportFor(BERT, '4.4.1'), [{ recipients: [BERT], isHard: false }]],
    [reportFor(BERT).replace('Action: failed', 'Action: delayed'), []],
    [reportFor(BERT).replace('multipart/report', 'multipart/mixed'), []],
    [`${reportFor(BERT).split('--b\nContent')[0]}`, []],
  ])('are read from reports of failures: %#', (text, failures) => {
    expect(failuresOf(split(Buffer.from(text.replaceAll('\n', '\r\n'))))).toEqual(failures);
  });

  it('a report of a hostile shape costs little', () => {
    const part = '--b\r\nContent-Type: text/plain\r\n\r\n';
    const hostile = `Content-Type: multipart/report; boundary=b\r\n\r\n${part.repeat(20_000)}${'a\r\n'.repeat(50_000)}`;
    expect(failuresOf(split(Buffer.from(hostile)))).toEqual([]);
  });
});

it('a post whose copies could not all be queued goes on where it stopped: nobody is left out', async () => {
  const state = pluginState('mailing-list', memoryStates(), () => 0);
  const queued: string[] = [];
  let left = 2;
  const server = {
    ...{ state, clock: () => 0 },
    send: async ({ to }: { readonly to: readonly string[] }) => {
      if (left === 0) throw new Error('server.send: not accepted: 451');
      left -= 1;
      queued.push(...to);
      return `id${queued.length}`;
    },
  };
  const settings = {
    name: '',
    description: '',
    owners: ['o@example.test'],
    posts: 'anyone',
    moderators: [],
    prefix: '',
  } as const;
  const more = { subscription: 'open', reply_to_list: false, dmarc_mitigation: 'none', max_size: 1000 } as const;
  const list = makeList(LIST, { ...settings, ...more, archive: undefined, members: undefined });
  const sending = new Sending(server, new Signatures(state), { url: undefined, personalUpTo: 0 });
  const readers = Array.from({ length: 3_500 }, (_, i) => `m${i}@example.org`);
  const message = split(Buffer.from('From: a@example.org\r\n\r\nx'));
  const key = keyOf(message);
  await expect(sending.send(list, message, readers, key)).rejects.toThrow('451');
  expect(await sending.isDone(list, key)).toBe(false);
  left = 100;
  await sending.send(list, message, readers, key);
  expect(queued).toEqual(readers);
  expect(await sending.isDone(list, key)).toBe(true);
});

it('a list whose address an account has too, or of a domain that is not ours, is told after the start', async () => {
  const lists = { 'user@example.test': FRIENDS, 'far@example.com': FRIENDS };
  await using server = await start({}, { lists });
  await server.clock.advance({ seconds: 1 });
  await server.logged(
    /^plugin mailing-list: user@example\.test is an account or an alias too|^user@example\.test is an account/,
  );
  await server.logged(/far-owner@example\.com is of no domain of this server/);
});
