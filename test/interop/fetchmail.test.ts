/**
 * fetchmail empties a mailbox by POP3, with implicit TLS and after STLS, keeps messages if configured so, and finds new
 * ones.
 */
import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { removeFolder, temporaryFolder } from '../kit/folder.ts';
import { account, ask, type House, PASSWORD, search, startInteropHouse } from './house.ts';
import { run } from './program.ts';

let house: House;
let folder: string;

beforeAll(async () => {
  house = await startInteropHouse();
});
afterAll(() => house?.stop());
beforeEach(() => {
  folder = temporaryFolder('fetchmail');
  return () => removeFolder(folder);
});

const message = (n: number): string =>
  `From: <a@far.example>\r\nSubject: letter ${n}\r\nMessage-Id: <${n}@far.example>\r\n\r\n.\r\n.. dots, Gr\u00fc\u00dfe\r\n${'x'.repeat(900)}\r\n`;

async function append(name: string, numbers: readonly number[]): Promise<void> {
  for (const n of numbers)
    await ask(
      house,
      name,
      `APPEND INBOX {${Buffer.byteLength(message(n))}+}\r\n${Buffer.from(message(n), 'utf8').toString('latin1')}`,
    );
}

interface Fetched {
  /** 0 if there was mail, 1 if there was none. */
  readonly code: number | null;
  /** Subjects in the order in which the delivery agent got them. */
  readonly subjects: string[];
  readonly text: string;
}

/** One run of fetchmail; all messages of one folder end in one file there. */
async function fetchmail(name: string, port: number, options: string): Promise<Fetched> {
  const file = join(folder, 'mail');
  const agent = join(folder, 'mda');
  writeFileSync(agent, `#!/bin/sh\nexec cat >>'${file}'\n`);
  chmodSync(agent, 0o700);
  rmSync(file, { force: true });
  const configuration = join(folder, 'fetchmailrc');
  writeFileSync(
    configuration,
    `set no syslog\nset idfile "${join(folder, 'ids')}"\nset pidfile "${join(folder, 'pid')}"\n` +
      `poll localhost protocol POP3 service ${port} uidl user "${account(name)}" password "${PASSWORD}" ` +
      `sslcertck sslcertfile "${house.certificate}" mda "${agent}" ${options}\n`,
    { mode: 0o600 },
  );
  const { code, err, out } = await run('fetchmail', ['--verbose', '--nodetach', '--fetchmailrc', configuration], {
    env: { HOME: folder, FETCHMAILHOME: folder, USER: 'root' },
  });
  const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
  if (code !== 0 && code !== 1) throw new Error(`fetchmail: exit code ${code}\n${err}${out}`);
  return { code, text, subjects: [...text.matchAll(/^Subject: (.*)$/gm)].map((match) => match[1] ?? '') };
}

describe.each([
  ['POP3S on 995', 'maomao', 995, 'ssl'],
  ['POP3 with STLS on 110', 'xixi', 110, 'sslproto "auto"'],
] as const)('D2: fetchmail by %s', (_how, name, wellKnown, options) => {
  const fetch = (more: string): Promise<Fetched> => fetchmail(name, house.port(wellKnown), `${options} ${more}`);

  it('finds no mail in a new account', async () => {
    expect(await fetch('')).toEqual({ code: 1, subjects: [], text: '' });
  });

  it('with keep fetches each message once, by its UIDL, and leaves all of them', async () => {
    await append(name, [1, 2, 3]);
    const first = await fetch('keep');
    expect(first.subjects).toEqual(['letter 1', 'letter 2', 'letter 3']);
    expect(first.text).toContain('\n.\n.. dots, Gr\u00fc\u00dfe\n');
    expect(await search(house, name, 'ALL')).toEqual([1, 2, 3]);
    await append(name, [4]);
    expect((await fetch('keep')).subjects).toEqual(['letter 4']);
    expect(await fetch('keep')).toEqual({ code: 1, subjects: [], text: '' });
  });

  it('without keep fetches all and leaves none, nothing twice', async () => {
    const all = await fetch('nokeep fetchall');
    expect(all.subjects).toEqual(['letter 1', 'letter 2', 'letter 3', 'letter 4']);
    expect(await search(house, name, 'ALL')).toEqual([]);
    expect((await fetch('nokeep fetchall')).code).toBe(1);
  });

  it('D3: does not touch the other mailboxes', async () => {
    const text = message(9);
    await ask(
      house,
      name,
      `APPEND Archive {${Buffer.byteLength(text)}+}\r\n${Buffer.from(text, 'utf8').toString('latin1')}`,
    );
    expect((await fetch('nokeep fetchall')).code).toBe(1);
    expect(await search(house, name, 'ALL', 'Archive')).toEqual([1]);
  });
});

it('S1: a wrong password ends the session with an answer that fetchmail understands (3: authentication)', async () => {
  const configuration = join(folder, 'rc');
  writeFileSync(
    configuration,
    `set no syslog\npoll localhost protocol POP3 service ${house.port(995)} user "${account('haha')}" password "wrong" ssl sslcertck sslcertfile "${house.certificate}" mda "/bin/false"\n`,
    { mode: 0o600 },
  );
  const done = await run('fetchmail', ['--nodetach', '--fetchmailrc', configuration], {
    env: { HOME: folder, FETCHMAILHOME: folder, USER: 'root' },
  });
  expect(done.code, done.err).toBe(3);
});
