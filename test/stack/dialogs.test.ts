/** Runs lab/dialogs: what a person with telnet sees at the sites of the lab, line by line (requirements D2, S2). */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openLab, type RunningLab } from '../../src/lab/lab.ts';
import { LineClient } from '../../src/lab/line-client.ts';
import { LAB, type LabFiles, openLabFiles } from '../kit/lab.ts';
import { freeOffset } from '../kit/ports.ts';

const DIALOGS = join(LAB, 'dialogs');

/** `@` the client's address, `c` sent, `s` received. */
interface Step {
  readonly kind: '@' | 'c' | 's';
  readonly text: string;
}

interface Dialog {
  readonly name: string;
  readonly port: number;
  readonly from: string;
  readonly steps: readonly Step[];
}

/** `# port 25 of baidu, from 127.0.1.77 …`, then the steps. Without an address, a trusted client connects. */
function readDialog(name: string): Dialog {
  const lines = readFileSync(join(DIALOGS, name), 'utf8').split('\n');
  const head = lines[0] ?? '';
  const steps = lines.flatMap((line): Step[] => {
    const match = /^(?:([cs]):|(@)) ?(.*)$/.exec(line);
    return match === null ? [] : [{ kind: (match[1] ?? '@') as Step['kind'], text: match[3] ?? '' }];
  });
  return {
    name,
    port: Number(/port (\d+)/.exec(head)?.[1]),
    from: /from (127[\d.]+)/.exec(head)?.[1] ?? '127.0.1.1',
    steps,
  };
}

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
/** `…` matches anything. */
const loose = (text: string): string =>
  escaped(text)
    .replace(/ …/g, '(?: .*)?')
    .replace(/…|greeting/g, '.*')
    .replace(/\\\{\w[\w -]*\\\}/g, '.+?');

/** What variable values look like; other names match any text. */
const VALUES: Readonly<Record<string, string>> = {
  'queue-id': '[0-9A-Za-z]{6,20}',
  'client-name': '[\\w.-]+',
  octets: '\\d+',
  n: '\\d+',
  flags: '[^()]*',
  date: '[^"]*',
  separator: '.',
  'message-id': '<[^<>"]+>',
  to: '(?:NIL|\\(\\(.*?\\)\\))',
};

/**
 * A line of the dialog as a pattern: `{name}` is a value, `{text with …}` matches such a text, which may be omitted
 * next to other text.
 */
function patternOf(line: string): RegExp {
  const parts = line.split(/(\{[^{}]*\})/);
  const source = parts.map((part) => {
    if (!part.startsWith('{')) return escaped(part);
    const name = part.slice(1, -1);
    return VALUES[name] ?? (name.includes('…') ? loose(name) : '.*');
  });
  return new RegExp(`^${source.join('')}$`);
}

/** Sends one side of a dialog and expects the other. */
async function play(lab: RunningLab['lab'], dialog: Dialog): Promise<void> {
  const connect = (from: string): Promise<LineClient> =>
    LineClient.connect({
      host: lab.baidu.address,
      port: lab.baidu.port(dialog.port),
      localAddress: from,
      timeoutMs: 5_000,
    });
  let client = dialog.steps[0]?.kind === '@' ? null : await connect(dialog.from);
  try {
    for (const { kind, text } of dialog.steps) {
      if (kind === '@') {
        client?.close();
        client = await connect(text);
      } else if (client !== null && kind === 'c') client.send(text);
      else if (client !== null) await receive(client, text);
    }
  } finally {
    client?.close();
  }
}

/** Unordered lines, a list of folders, or a header are described in words; every other line is matched literally. */
async function receive(client: LineClient, text: string): Promise<void> {
  if (text.startsWith('{lines among which: ')) {
    const lines = await client.linesUntil((line) => /^\d{3} /.test(line));
    const wanted = text
      .slice('{lines among which: '.length, -1)
      .split(/, | and (?=250)/)
      .filter((part) => part.startsWith('250-'));
    for (const part of wanted)
      expect(lines.map(withSortedMechanisms)).toContainEqual(expect.stringMatching(ehloPattern(part)));
    return;
  }
  if (text.startsWith('{in any order: ')) {
    const wanted = text.slice('{in any order: '.length, -1).split(/, (?=\*)/);
    const missing = new Set(wanted);
    // A server may send more than the one of the tutorial did.
    while (missing.size > 0) {
      const line = await client.line();
      expect(line, `before ${[...missing].join(', ')}`).toMatch(/^\* /);
      for (const part of missing) if (new RegExp(`^${loose(part)}`).test(line)) missing.delete(part);
    }
    return;
  }
  if (text.startsWith('{* LIST ')) {
    const folders = ['INBOX', 'Sent', 'Drafts', 'Junk', 'Trash', 'Archive'];
    const lines = await linesOf(client, folders.length);
    for (const folder of folders)
      expect(lines).toContainEqual(expect.stringMatching(new RegExp(`^\\* LIST \\([^()]*\\) "." "?${folder}"?$`)));
    return;
  }
  if (text.startsWith('{Received: ')) {
    const lines: string[] = [];
    for (let line = await client.line(); line !== ''; line = await client.line()) lines.push(line);
    const received = lines
      .filter((_, index) => lines[index]?.startsWith('Received: ') || /^\s/.test(lines[index] ?? ''))
      .join(' ');
    expect(received.replace(/\s+/g, ' ')).toMatch(
      /^Received: from \S+ \(.*\[127\.0\.1\.1\]\) by mail\.baidu\.com .*with SMTP id \w+ for <maomao@baidu\.com>; \w{3}, \d+ \w{3} \d{4} /,
    );
    expect(await client.line()).toBe('test mail');
    return;
  }
  const lines = await client.linesUntil((line) => !(/^A\d\d /.test(text) && line.startsWith('* OK [')));
  expect(lines.at(-1)).toMatch(patternOf(text));
}

async function linesOf(client: LineClient, count: number): Promise<string[]> {
  const lines: string[] = [];
  while (lines.length < count) lines.push(await client.line());
  return lines;
}

const withSortedMechanisms = (line: string): string =>
  line
    .replace(
      /^250([- ])(AUTH[ =])(.*)$/,
      (_, _mark: string, word: string, mechanisms: string) => `250-${word}${mechanisms.split(' ').sort().join(' ')}`,
    )
    .replace(/^250 /, '250-');
const ehloPattern = (text: string): RegExp =>
  new RegExp(`^${loose(withSortedMechanisms(text)).replace(/\.\+\?$/, '\\d+')}$`);

describe('D2, S2: the telnet sessions of the tutorials', () => {
  let files: LabFiles;
  let running: RunningLab;
  beforeAll(async () => {
    files = await openLabFiles();
    running = await openLab({ files: files.folder, portOffset: await freeOffset(), onProgress: () => {} });
  });
  afterAll(async () => {
    await running.close();
    await files.remove();
  });

  it.each(readdirSync(DIALOGS).filter((name) => name.startsWith('smtp-')))('%s matches line by line', (name) =>
    play(running.lab, readDialog(name)),
  );

  it('smtp-by-hand.txt sends the second message for the dialogs that read', () =>
    play(running.lab, readDialog('smtp-by-hand.txt')));

  it.each(['pop3-by-hand.txt', 'imap-by-hand.txt'])('%s matches line by line', (name) =>
    play(running.lab, readDialog(name)),
  );
});
