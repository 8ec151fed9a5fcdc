/** mbsync synchronizes an account and a local Maildir in both directions, and finds nothing to do the second time. */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { removeFolder, temporaryFolder } from '../kit/folder.ts';
import { account, ask, type House, openMailbox, PASSWORD, search, section, startInteropHouse } from './house.ts';
import { ran } from './program.ts';

let house: House;
let folder: string;

beforeAll(async () => {
  folder = temporaryFolder('mbsync');
  house = await startInteropHouse();
});
afterAll(async () => {
  await house?.stop();
  removeFolder(folder);
});

const maildir = (...names: string[]): string => join(folder, 'mail', ...names);

/** Files of a mailbox in the Maildir, by the subject of their message. */
function local(mailbox: string): Map<string, { readonly path: string; readonly flags: string }> {
  const found = new Map<string, { readonly path: string; readonly flags: string }>();
  for (const part of ['cur', 'new'])
    for (const name of readdirSync(maildir(mailbox, part))) {
      const path = maildir(mailbox, part, name);
      const subject = /^Subject: (.*?)\r?$/m.exec(readFileSync(path, 'latin1'))?.[1] ?? '';
      found.set(subject, { path, flags: /:2,(\w*)$/.exec(name)?.[1] ?? '' });
    }
  return found;
}

const subjects = (mailbox: string): string[] => [...local(mailbox).keys()].sort();

function configuration(tls: string, port: number): string {
  return [
    'IMAPAccount house',
    'Host localhost',
    `Port ${port}`,
    `User ${account('maomao')}`,
    `Pass "${PASSWORD}"`,
    `SSLType ${tls}`,
    `CertificateFile ${house.certificate}`,
    'SystemCertificates no',
    '',
    'IMAPStore far',
    'Account house',
    '',
    'MaildirStore near',
    `Path ${maildir()}/`,
    `Inbox ${maildir('INBOX')}`,
    'SubFolders Verbatim',
    '',
    'Channel all',
    'Far :far:',
    'Near :near:',
    'Patterns *',
    'Sync All',
    'Create Both',
    'Remove Both',
    'Expunge Both',
    'CopyArrivalDate yes',
    `SyncState ${join(folder, 'state')}/`,
    '',
  ].join('\n');
}

/** Runs a full synchronization. */
async function sync(tls = 'IMAPS', wellKnown = 993): Promise<void> {
  const file = join(folder, 'mbsyncrc');
  writeFileSync(file, configuration(tls, house.port(wellKnown)), { mode: 0o600 });
  mkdirSync(maildir(), { recursive: true });
  mkdirSync(join(folder, 'state'), { recursive: true });
  await ran('mbsync', ['--config', file, '--all'], { env: { HOME: folder } });
}

/**
 * Everything that a synchronization could change on either side: the name of each file, the counters of each mailbox.
 */
async function fingerprint(): Promise<{ readonly near: readonly string[]; readonly far: readonly string[] }> {
  const near = readdirSync(maildir(), { recursive: true, encoding: 'utf8' }).filter((path) =>
    /\/(?:cur|new)\//.test(path),
  );
  const status = await ask(
    house,
    'maomao',
    'LIST "" * RETURN (STATUS (MESSAGES UIDNEXT UIDVALIDITY UNSEEN HIGHESTMODSEQ))',
  );
  return { near: near.sort(), far: status.filter((line) => line.startsWith('* ')).sort() };
}

/** Another run finds nothing to do. */
async function nothingLeft(tls = 'IMAPS', wellKnown = 993): Promise<void> {
  const before = await fingerprint();
  expect(before.far.length).toBeGreaterThan(10);
  await sync(tls, wellKnown);
  expect(await fingerprint()).toEqual(before);
}

/** Appends messages with our own client. */
async function append(
  mailbox: string,
  messages: readonly (readonly [subject: string, flags: string])[],
): Promise<void> {
  for (const [subject, flags] of messages) {
    const text = `From: <a@far.example>\r\nSubject: ${subject}\r\nMessage-Id: <${subject.replaceAll(' ', '.')}@far.example>\r\n\r\nText of ${subject}\r\n`;
    const lines = await ask(
      house,
      'maomao',
      `APPEND "${mailbox}" (${flags}) "17-Jul-2020 02:44:25 +0000" {${text.length}+}\r\n${text}`,
    );
    expect(lines.at(-1)).toMatch(/^q1 OK /);
  }
}

/** Maps subjects to flags, for all messages of a mailbox on the server. */
async function far(mailbox: string): Promise<Record<string, string>> {
  const lines = await ask(house, 'maomao', 'FETCH 1:* (FLAGS ENVELOPE)', mailbox);
  return Object.fromEntries(
    lines.flatMap((line) => {
      const [, flags = '', subject = ''] = /FLAGS \(([^)]*)\) ENVELOPE \((?:NIL|"[^"]*") "([^"]*)"/.exec(line) ?? [];
      return subject === ''
        ? []
        : [
            [
              subject,
              flags
                .split(' ')
                .filter((flag) => flag !== '\\Recent')
                .sort()
                .join(' '),
            ],
          ];
    }),
  );
}

describe('D4: mbsync', () => {
  it('fetches the whole account at the first run, with flags and dates', async () => {
    await append('INBOX', [
      ['one', '\\Seen'],
      ['two', '\\Flagged \\Answered'],
      ['three', ''],
    ]);
    await append('Archive', [['old', '\\Seen']]);
    await sync();
    expect(Object.fromEntries([...local('INBOX')].map(([subject, { flags }]) => [subject, flags]))).toEqual({
      one: 'S',
      two: 'FR',
      three: '',
    });
    expect(subjects('Archive')).toEqual(['old']);
    expect(statSync(local('INBOX').get('one')?.path ?? '').mtime).toEqual(new Date('2020-07-17T02:44:25Z'));
    await nothingLeft();
  });

  it('synchronizes flags in both directions', async () => {
    await ask(house, 'maomao', 'STORE 3 +FLAGS (\\Flagged)');
    const one = local('INBOX').get('one')?.path ?? '';
    renameSync(one, one.replace(/:2,.*$/, ':2,FS'));
    await sync();
    expect(local('INBOX').get('three')?.flags).toBe('F');
    expect(await far('INBOX')).toEqual({ one: '\\Flagged \\Seen', two: '\\Answered \\Flagged', three: '\\Flagged' });
    await nothingLeft();
  });

  it('uploads a message created in the Maildir, octet for octet', async () => {
    const text = 'From: <b@near.example>\nSubject: made here\n\nGr\u00fc\u00dfe\n.\nthe end\n';
    writeFileSync(maildir('INBOX', 'cur', '1700000000.1.here:2,DS'), text);
    await sync();
    const [number = 0] = await search(house, 'maomao', 'SUBJECT "made here" DRAFT SEEN');
    const arrived = (await section(house, 'maomao', number, '')).toString('utf8').replaceAll('\r\n', '\n');
    // mbsync recognizes its own message by this field if APPENDUID is not available.
    expect(arrived.replace(/^X-TUID: .*\n/m, '')).toBe(text);
    await nothingLeft();
  });

  it('synchronizes deletions in both directions', async () => {
    rmSync(local('INBOX').get('one')?.path ?? '');
    const client = await openMailbox(house, 'maomao');
    await client.imap('d1', 'STORE 2 +FLAGS.SILENT (\\Deleted)');
    await client.imap('d2', 'EXPUNGE');
    client.close();
    await sync();
    expect(subjects('INBOX')).toEqual(['made here', 'three']);
    expect(Object.keys(await far('INBOX')).sort()).toEqual(['made here', 'three']);
    await nothingLeft();
  });

  it('creates new mailboxes in both directions, also one with a non-ASCII name and a nested one', async () => {
    await ask(house, 'maomao', 'CREATE "Projects/2026"');
    await append('Projects/2026', [['plan', '']]);
    for (const part of ['cur', 'new', 'tmp']) mkdirSync(maildir('&cys- &cys-', part), { recursive: true });
    writeFileSync(maildir('&cys- &cys-', 'new', '1700000001.1.here'), 'Subject: cats\n\nmiau\n');
    await sync();
    expect((await ask(house, 'maomao', 'LIST "" *')).join('\n')).toContain('&cys- &cys-');
    expect(Object.keys(await far('&cys- &cys-'))).toEqual(['cats']);
    expect(subjects('Projects/2026')).toEqual(['plan']);
    await nothingLeft();
  });

  it('removes a mailbox that was deleted here, once it is empty', async () => {
    for (const { path } of local('&cys- &cys-').values()) rmSync(path);
    await sync();
    rmSync(maildir('&cys- &cys-'), { recursive: true });
    await sync();
    expect((await ask(house, 'maomao', 'LIST "" *')).join('\n')).not.toContain('&cys-');
    await nothingLeft();
  });

  it('works the same after STARTTLS on 143, and with a thousand messages in one mailbox', async () => {
    const client = await openMailbox(house, 'maomao');
    const COUNT = 1000;
    for (let at = 0; at < COUNT; at += 100) {
      let batch = '';
      for (let n = at; n < at + 100; n += 1) {
        const text = `Subject: bulk ${n}\r\nMessage-Id: <bulk.${n}@far.example>\r\n\r\n${'line\r\n'.repeat(n % 50)}`;
        batch += `m${n} APPEND Archive {${text.length}+}\r\n${text}\r\n`;
      }
      client.send(batch.slice(0, -2));
      expect(
        (await client.linesUntil((line) => line.startsWith(`m${at + 99} `))).filter((line) =>
          / OK \[APPENDUID /.test(line),
        ),
      ).toHaveLength(100);
    }
    client.close();
    await sync('STARTTLS', 143);
    expect(subjects('Archive')).toHaveLength(COUNT + 1);
    await nothingLeft();
  });
});
