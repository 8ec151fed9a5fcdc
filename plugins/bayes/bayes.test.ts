import { describe, expect, it } from 'vitest';
import type { MailboxName, PluginState } from '../../src/bus/plugin.ts';
import { pluginState } from '../../src/bus/plugin-state.ts';
import { gb18030, makeCorpus } from '../../test/kit/bayes-corpus.ts';
import { memoryStates } from '../../test/kit/states.ts';
import { Counts, emptyLesson, type Lesson } from './counts.ts';
import { evidenceOf } from './evidence.ts';
import { type Kind, Learner } from './learner.ts';
import { lessonOf } from './moves.ts';
import { HOUSE, Rooms, roomOf } from './rooms.ts';
import { judge } from './score.ts';
import { wordsOf } from './words.ts';

const CLIENT = { ip: '203.0.113.9', name: 'mx.shop.example.com' };
const words = (text: string | Buffer): string[] => [...evidenceOf(Buffer.from(text), null).values()];

describe('the words of a text', () => {
  it.each([
    ['Cheap PILLS, only $5 a day', ['cheap', 'pills', 'only', '$', 'day']],
    ['代开发票', ['代开', '开发', '发票']],
    ['加微信vip客服', ['加微', '微信', 'vip', '客服']],
    ['发\u200b票', ['发票']],
    ['发.票', ['发票']],
    ['ＶＩＰ 會員', ['vip', '會員']],
    ['こんにちは 世界', ['こん', 'んに', 'にち', 'ちは', '世界']],
    ['Привет, мир', ['привет', 'мир']],
    ['x'.repeat(57), ['long:x50']],
  ])('%s', (text, expected) => expect([...wordsOf(text)]).toEqual(expected));
});

describe('what a message is judged by', () => {
  it.each([
    ['utf-8 in base64', 'utf-8', 'base64', Buffer.from('代开发票').toString('base64')],
    ['gb18030 in base64', 'gb18030', 'base64', gb18030('代开发票').toString('base64')],
    ['gb2312 in quoted-printable', 'gb2312', 'quoted-printable', '=B4=FA=BF=AA=B7=A2=C6=B1'],
    ['big5', 'big5', 'quoted-printable', '=A5N=B6}=B5o=B2=BC'],
    ['iso-2022-jp', 'iso-2022-jp', '7bit', '\x1b$BBe3+\x1b(B'],
  ])('text in %s', (_name, charset, encoding, body) => {
    const found = words(
      `Content-Type: text/plain; charset=${charset}\r\nContent-Transfer-Encoding: ${encoding}\r\n\r\n${body}\r\n`,
    );
    expect(found).toContain(charset === 'big5' ? '代開' : charset === 'iso-2022-jp' ? '代開' : '代开');
    expect(found).toContain(`charset:${charset}`);
  });

  it('subject, sender, client, kinds of parts, and where links lead; HTML without its tags', () => {
    const found = [
      ...evidenceOf(
        Buffer.from(
          'From: =?gb2312?B?tPq/qg==?= <x@mail.shop.example>\r\nReply-To: y@other.example\r\nSubject: =?UTF-8?B?5Y+R56Wo?=\r\n' +
            'Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n' +
            '<p class="wide">Click<b style="x">here</b> <a href="https://www.bad.example/x">now</a></p>\r\n' +
            '--b\r\nContent-Type: application/zip; name=Bill.PDF.exe\r\n\r\nxxxxxx\r\n--b--\r\n',
        ),
        CLIENT,
      ).values(),
    ];
    expect(found).toEqual([
      ...['subject:发票', 'from:代开', 'from:@mail.shop.example', 'from:@shop.example', 'reply-to:elsewhere'],
      ...['client:203.0.113', 'client:mx.shop.example.com', 'client:example.com'],
      ...['type:text/html', 'type:application/zip', 'file:exe'],
      ...['link:www.bad.example', 'link:bad.example', 'click', 'here', 'now'],
    ]);
  });

  it('the client of a stored message is in the line that this server put on top', () => {
    const line = (ip: string): string =>
      `Received: from a (mx.example.org [${ip}])\r\n\tby us (Posthorn) with ESMTP; x\r\n`;
    expect(words(`Return-Path: <a@b>\r\n${line('203.0.113.9')}${line('192.0.2.1')}\r\nx`)).toEqual([
      ...['client:203.0.113', 'client:mx.example.org', 'client:example.org', 'type:text/plain'],
    ]);
  });

  it('is bounded, however long the message', () => {
    const long = Array.from({ length: 100_000 }, (_, at) => `word${at} https://h${at}.example/`).join(' ');
    expect(evidenceOf(Buffer.from(`Subject: ${long}\r\n\r\n${long}`), null).size).toBeLessThanOrEqual(1000);
  });
});

describe('counts', () => {
  const lesson = (...all: (readonly [word: number, spam: number, ham: number])[]): Lesson => ({
    spam: 1,
    ham: 0,
    words: new Map(all.map(([word, spam, ham]) => [word, { spam, ham }])),
  });

  it('are read back as they were written', () => {
    const counts = Counts.NONE.with(lesson([7, 1, 0], [0xffff_ffff, 0, 2]), 20_000);
    const read = Counts.fromText(counts.toText());
    expect([read.spam, read.of(7), read.of(0xffff_ffff), read.of(8)]).toEqual([
      ...[1, { spam: 1, ham: 0 }, { spam: 0, ham: 2 }, { spam: 0, ham: 0 }],
    ]);
  });

  it('a full table fits into a value of the state, and forgets old and rare words first', () => {
    const old = Counts.NONE.with(lesson([0xffff_0000, 9, 0], [0xffff_0001, 1, 0]), 20_000);
    const full = old.with(lesson(...Array.from({ length: 16_000 }, (_, at) => [at, 1, 0] as const)), 20_010);
    expect(full.size).toBeLessThan(16_000);
    expect(full.toText().length).toBeLessThan(256 * 1024 - 100);
    expect([full.of(0xffff_0000).spam, full.of(0xffff_0001).spam]).toEqual([9, 0]);
  });

  it('are halved before they become too large', () => {
    const counts = Counts.NONE.with({ spam: 50_000, ham: 10, words: new Map([[1, { spam: 40_000, ham: 1 }]]) }, 1);
    const more = counts.with(lesson([2, 4, 0]), 2);
    expect([more.spam, more.ham, more.of(1), more.of(2)]).toEqual([
      25_000,
      5,
      { spam: 20_000, ham: 0 },
      { spam: 2, ham: 0 },
    ]);
  });
});

describe('what a move tells', () => {
  const box = (name: string, specialUse: MailboxName['specialUse'] = ''): MailboxName => ({ name, specialUse });
  const [inbox, junk, trash] = [box('INBOX'), box('Spam', '\\Junk'), box('Trash', '\\Trash')];
  it.each([
    [inbox, junk, 'spam'],
    [trash, junk, 'spam'],
    [box('Sent', '\\Sent'), junk, null],
    [junk, inbox, 'ham'],
    [junk, box('Work'), 'ham'],
    [junk, trash, null],
    [junk, box('Junk'), null],
    [inbox, box('Work'), 'ham'],
    [inbox, trash, null],
    [box('Work'), box('Old'), null],
  ])('from $name to $name: %s', (from, to, kind) => {
    expect(lessonOf(from, to, { mailbox: 'Junk', filed: true })).toBe(kind);
  });
});

describe('learning', () => {
  const NEVER = new AbortController().signal;
  interface School {
    readonly state: PluginState;
    readonly rooms: Rooms;
    readonly learner: Learner;
    readonly left: string[];
  }
  const texts = new Map<number, string>([
    [1, 'Subject: lottery\r\n\r\nwinner winner'],
    [2, 'Subject: meeting\r\n\r\nthursday'],
  ]);
  function school(sharedPerDay = 100, wrap = (state: PluginState): PluginState => state): School {
    const clock = (): number => 1_800_000_000_000;
    const state = wrap(pluginState('bayes', memoryStates(), clock));
    const rooms = new Rooms(state, clock);
    const left: string[] = [];
    const learner = new Learner({
      ...{ state, rooms, clock, sharedPerDay },
      log: { info: () => {}, warn: (_fields, text) => left.push(text) },
      messages: {
        async *read({ uid }) {
          yield Buffer.from(texts.get(uid) ?? `Subject: x${uid}\r\n\r\nmessage`);
        },
      },
      count: () => {},
    });
    return { state, rooms, learner, left };
  }
  const note = ({ learner }: School, uid: number, kind: Kind, account = 'a@example.test'): void =>
    learner.note({ account, mailbox: 'Junk', uid }, kind);
  const totals = async ({ rooms }: School, name: string): Promise<readonly number[]> => {
    const { spam, ham } = await rooms.open(name);
    return [spam, ham];
  };

  it('counts a message once, and takes it back when it is moved back', async () => {
    const here = school();
    note(here, 1, 'spam');
    note(here, 1, 'spam');
    await here.learner.learn(NEVER);
    expect(await totals(here, HOUSE)).toEqual([1, 0]);
    note(here, 1, 'ham');
    await here.learner.learn(NEVER);
    expect([await totals(here, HOUSE), await totals(here, roomOf('a@example.test'))]).toEqual([
      [0, 1],
      [0, 1],
    ]);
    expect(await here.state.keys('noted/')).toEqual([]);
  });

  it('an account teaches itself alone, and the server no more than its share', async () => {
    const here = school(2);
    for (let uid = 10; uid < 15; uid += 1) note(here, uid, 'spam');
    note(here, 2, 'ham', 'b@example.test');
    await here.learner.learn(NEVER);
    expect(await totals(here, roomOf('a@example.test'))).toEqual([5, 0]);
    expect(await totals(here, roomOf('b@example.test'))).toEqual([0, 1]);
    expect(await totals(here, HOUSE)).toEqual([2, 1]);
  });

  it('a batch that was interrupted anywhere is learned exactly once', async () => {
    for (let failsAt = 1; failsAt <= 40; failsAt += 3) {
      let writes = 0;
      let isBroken = false;
      const here = school(100, (state) => {
        const breaking =
          <A extends readonly unknown[], R>(call: (...args: A) => Promise<R>) =>
          async (...args: A): Promise<R> => {
            if (isBroken) writes += 1;
            if (isBroken && writes === failsAt) throw new Error('the store is away');
            return call(...args);
          };
        const { update } = state;
        return {
          ...state,
          set: breaking(state.set),
          delete: breaking(state.delete),
          update: breaking(update) as typeof update,
        };
      });
      note(here, 1, 'spam');
      note(here, 2, 'ham');
      await here.learner.noted();
      isBroken = true;
      await here.learner.learn(NEVER).catch(() => {});
      await here.learner.learn(NEVER);
      expect([failsAt, await totals(here, HOUSE), await totals(here, roomOf('a@example.test'))]).toEqual([
        ...[failsAt, [1, 1], [1, 1]],
      ]);
    }
  });

  it('an account that is renamed keeps what it taught itself, and one that is removed does not', async () => {
    const here = school();
    note(here, 1, 'spam');
    await here.learner.learn(NEVER);
    await here.rooms.rename(roomOf('a@example.test'), roomOf('b@example.test'));
    expect(await totals(here, roomOf('a@example.test'))).toEqual([0, 0]);
    expect(await totals(here, roomOf('b@example.test'))).toEqual([1, 0]);
    await here.rooms.forget(roomOf('b@example.test'));
    expect(await totals(here, roomOf('b@example.test'))).toEqual([0, 0]);
    expect((await here.state.keys('counts/of/')).length + (await here.state.keys('stamp/of/')).length).toBe(0);
  });

  it('writing a batch into full tables of the server costs what it prints', async () => {
    const { rooms } = school();
    const lesson = (from: number, size: number): Lesson => ({
      ...{ spam: 1, ham: 1 },
      words: new Map(Array.from({ length: size }, (_, at) => [((from + at) * 16_777) >>> 0, { spam: 1, ham: 1 }])),
    });
    await rooms.learn(HOUSE, lesson(0, 256_000), 'first', NEVER);
    const began = performance.now();
    await rooms.learn(HOUSE, lesson(256_000, 50_000), 'second', NEVER);
    console.log(
      `a batch of 50,000 words into tables of 256,000: ${(performance.now() - began).toFixed(0)} ms, in 16 steps`,
    );
    expect((await rooms.open(HOUSE)).spam).toBe(2);
  });

  it('tells what it left out', async () => {
    const here = school();
    for (let uid = 100; uid < 1102; uid += 1) note(here, uid, 'spam');
    await here.learner.noted();
    expect(here.left).toEqual(
      [1100, 1101].map(
        (uid) => `message ${uid} of a@example.test was not learned: more than 1000 messages wait to be read`,
      ),
    );
  });
});

describe('a corpus in two languages', () => {
  it.each([50, 400, 2000])('after %i messages nearly all spam is caught, and nearly nothing else', (size) => {
    const [lessons, tests] = [makeCorpus(1, size), makeCorpus(2, 2000)];
    const began = performance.now();
    const lesson = emptyLesson();
    for (const { isSpam, octets } of lessons) {
      lesson[isSpam ? 'spam' : 'ham'] += 1;
      for (const word of evidenceOf(octets, null).keys()) {
        const counts = lesson.words.get(word) ?? { spam: 0, ham: 0 };
        counts[isSpam ? 'spam' : 'ham'] += 1;
        lesson.words.set(word, counts);
      }
    }
    const counts = Counts.NONE.with(lesson, 20_000);
    const trained = performance.now();
    const caught = tests.map(({ octets }) => judge(evidenceOf(octets, null), [counts]).score >= 0.95);
    const judged = performance.now();
    const share = (language: 'en' | 'zh', isSpam: boolean): number => {
      const these = caught.filter((_, at) => tests[at]?.language === language && tests[at]?.isSpam === isSpam);
      return these.filter(Boolean).length / these.length;
    };
    for (const language of ['en', 'zh'] as const) {
      const [catches, alarms] = [share(language, true), share(language, false)];
      console.log(
        `${language}: ${size} learned: ${(100 * catches).toFixed(1)} % of spam caught, ${(100 * alarms).toFixed(2)} % false alarms; ` +
          `${((trained - began) / size).toFixed(2)} ms to learn a message, ${((judged - trained) / tests.length).toFixed(2)} ms to judge one`,
      );
      expect(catches).toBeGreaterThan(size < 100 ? 0.5 : 0.9);
      expect(alarms).toBeLessThan(0.02);
    }
  });

  it('what an account moved decides over what the others moved', () => {
    const letter = evidenceOf(Buffer.from('Subject: newsletter\r\n\r\nbicycle lamps offer'), null);
    const room = (kind: Kind): Counts =>
      Counts.NONE.with(
        {
          ...{ spam: 30, ham: 30 },
          words: new Map([...letter.keys()].map((word) => [word, { spam: 0, ham: 0, [kind]: 20 }])),
        },
        1,
      );
    expect(judge(letter, [room('spam')]).score).toBeGreaterThan(0.95);
    expect(judge(letter, [room('spam'), room('ham')]).score).toBeLessThan(0.1);
    expect(judge(letter, []).score).toBe(0.5);
  });
});
