import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { MessageIndex, Part } from '../../../src/mail/message.ts';
import { MessageIndexer } from '../../../src/protocol/mime/indexer.ts';
import { bodyStructure } from '../../../src/protocol/mime/structure.ts';

const CORPUS = join(import.meta.dirname, 'corpus');

/** The goldens are answers of Dovecot 2.3, except for these, where an RFC or leniency requires something else. */
const OUR_OWN: Readonly<Record<string, string>> = {
  'addresses-broken': 'an address behind a fault is still found',
  'addresses-odd': 'obsolete white space around dots is read (RFC 5322 section 4.4)',
  'empty-content-fields': 'an empty Content-… field says nothing: NIL',
  'no-header': 'a first line that is no field begins the body, so that the text is seen',
  'part-without-header': 'the same in a part',
  rfc2231: 'a language tag is not kept',
  'rfc822-empty': 'an encoded message has no header to read (RFC 2046 section 5.2.1 forbids it): it is shown as text',
  subjects: 'white space around a date or a message id is not part of it',
  'type-broken': 'a Content-Type that cannot be read is text/plain (RFC 2045 section 5.2)',
  'type-broken2': 'the same',
  'type-slash': 'the same',
};

function index(bytes: Uint8Array, cut = Number.POSITIVE_INFINITY): MessageIndex {
  const indexer = new MessageIndexer();
  for (let at = 0; at < bytes.length; at += cut) {
    // A copy that is overwritten afterwards: the indexer must not keep a reference to a chunk.
    const chunk = Buffer.from(bytes.subarray(at, at + cut));
    indexer.write(chunk);
    chunk.fill(0);
  }
  return indexer.end();
}

const ofText = (text: string): MessageIndex => index(Buffer.from(text.replaceAll('\n', '\r\n'), 'latin1'));

function describeIndex(i: MessageIndex): string {
  const inner = (text: string): string => text.slice(1, -1);
  return `imap.envelope=${inner(i.envelope)}\nimap.body=${inner(bodyStructure(i.root, false))}\nimap.bodystructure=${inner(i.bodyStructure)}\n`;
}

describe('the corpus', () => {
  const names = readdirSync(CORPUS)
    .filter((file) => file.endsWith('.eml'))
    .map((file) => file.slice(0, -4));

  for (const name of names) {
    const bytes = readFileSync(join(CORPUS, `${name}.eml`));
    it(`D2: ${name} is described as ${OUR_OWN[name] === undefined ? 'Dovecot describes it' : `we mean it: ${OUR_OWN[name]}`}`, () => {
      // Types are stored in lower case; Dovecot keeps the case of the sender.
      expect(describeIndex(index(bytes)).toLowerCase()).toBe(
        readFileSync(join(CORPUS, `${name}.ref`), 'latin1').toLowerCase(),
      );
    });
    it(`${name} is the same octet by octet`, () => {
      expect(index(bytes, 1)).toEqual(index(bytes));
    });
  }
});

describe('offsets', () => {
  const text = readFileSync(join(CORPUS, 'rfc822.eml'), 'latin1');
  const { root } = index(Buffer.from(text, 'latin1'));
  const body = (part: Part | undefined): string => text.slice(part?.bodyStart, part?.bodyEnd);

  it('select bodies exactly; the line end before a boundary belongs to the boundary', () => {
    expect(body(root.parts[0])).toBe('see below');
    expect(body(root.parts[1]?.parts[0])).toBe('inner body\r\nline two');
    expect(body(root.parts[1])).toMatch(/^From: Inner[\s\S]*line two$/);
    expect(root.bodyEnd).toBe(text.length);
  });

  it('select headers with their blank line', () => {
    const message = root.parts[1];
    expect(text.slice(message?.headerStart, message?.bodyStart)).toBe(
      'Content-Type: message/rfc822\r\nContent-Disposition: inline\r\n\r\n',
    );
  });
});

describe('the values for SEARCH and SORT', () => {
  it('are decoded and in lower case', () => {
    const found = ofText(
      'Subject: =?utf-8?B?w5xCRVI=?= =?utf-8?Q?_all?=\nFrom: "M\xc3\x9cLLER" <M@X.Y>\nDate: Fri, 20 Nov 2026 10:00:00 +0800\nMessage-Id: (c) <Id@X> y\n\n',
    );
    expect(found.search).toEqual({
      subject: 'über all',
      from: '"müller" <m@x.y>',
      to: '',
      cc: '',
      bcc: '',
      addresses: { from: 'müller <m@x.y>', to: '', cc: '', bcc: '' },
    });
    expect(found.sentAt).toBe(Date.UTC(2026, 10, 20, 10));
    expect(found.messageId).toBe('<Id@X>');
  });

  it('are empty if the message does not have them', () => {
    expect(ofText('test mail\n')).toMatchObject({ sentAt: null, messageId: '', search: { subject: '', from: '' } });
  });
});

describe('limits', () => {
  const depth = (part: Part): number => 1 + Math.max(0, ...part.parts.map(depth));
  const count = (part: Part): number => 1 + part.parts.reduce((sum, child) => sum + count(child), 0);

  it('stops at a depth of 50', () => {
    const nested = Array.from(
      { length: 200 },
      (_, i) => `Content-Type: multipart/mixed; boundary=b${i}x\n\n--b${i}x\n`,
    ).join('');
    expect(depth(ofText(`${nested}\nend\n`).root)).toBe(50);
    expect(depth(ofText(`${'Content-Type: message/rfc822\n\n'.repeat(5000)}\nend\n`).root)).toBe(50);
  });

  it('treats everything after the 10,000th part as one part', () => {
    const found = ofText(`Content-Type: multipart/mixed; boundary=b\n\n${'--b\n\nx\n'.repeat(12_000)}--b--\n`);
    expect(count(found.root)).toBe(10_000);
    expect(found.root.parts.at(-1)?.bodyEnd).toBe(found.root.bodyEnd);
  });

  it('reads the indexed fields however many other fields precede them', () => {
    for (const others of [
      `X: ${'x'.repeat(1000)}\n`.repeat(5000),
      'a:\n'.repeat(500_000),
      `X: y\n${` ${'x'.repeat(1000)}\n`.repeat(5000)}`,
    ]) {
      const found = ofText(`Subject: early\n${others}To: late@x.example\nContent-Type: text/html\n\nbody\n`);
      expect(found.search).toMatchObject({ subject: 'early', to: 'late@x.example' });
      expect(found.root).toMatchObject({ type: 'text', subtype: 'html' });
      expect(found.root.bodyEnd - found.root.bodyStart).toBe(6);
    }
  });

  it('reads the start of a field that is too long, and the fields after it', () => {
    for (const long of [
      `To: a@x.example, ${'x'.repeat(3_000_000)}\n`,
      `To: a@x.example,\n${' y@x.example,\n'.repeat(200_000)}`,
    ]) {
      const bytes = Buffer.from(`${long}Subject: late\n\nbody\n`.replaceAll('\n', '\r\n'));
      const found = index(bytes);
      expect(found.search.subject).toBe('late');
      expect(found.search.to.startsWith('a@x.example,')).toBe(true);
      expect(found.search.to.length).toBeLessThanOrEqual(128 * 1024);
      expect(found.root.bodyEnd - found.root.bodyStart).toBe(6);
      for (const cut of [1000, 65_536]) expect(index(bytes, cut)).toEqual(found);
    }
  });

  it('ignores indexed fields beyond 1 MiB, and still finds the body', () => {
    const found = ofText(
      `Subject: early\n${`Cc: ${'x'.repeat(1000)}@x.example\n`.repeat(1100)}To: late@x.example\n\nbody\n`,
    );
    expect(found.search).toMatchObject({ subject: 'early', to: '' });
    expect(found.root.bodyEnd - found.root.bodyStart).toBe(6);
  });

  it('treats a line of 2 MB that is not a field as body', () => {
    const found = index(Buffer.alloc(2 << 20, 0x61), 65_536);
    expect(found.root).toMatchObject({ headerStart: 0, bodyStart: 0, bodyEnd: 2 << 20, lines: 0 });
  });
});

describe('random octets', () => {
  const pieces = fc.constantFrom(
    '\r\n',
    '\r\n\r\n',
    '--b',
    '--b\r\n',
    '--b--\r\n',
    '--bb\r\n',
    '-',
    '--',
    '\n',
    '\r',
    'Content-Type: multipart/mixed; boundary=b\r\n',
    'Content-Type: multipart/digest; boundary=bb\r\n',
    'Content-Type: message/rfc822\r\n',
    'Content-Type: text/html; charset=x\r\n',
    'From: "a" <b@c>, g: x@y;\r\n',
    'To: (a(b)\\c) "\\\r\n',
    'Subject: =?utf-8?q?=C3?= =?utf-8?q?=BC?=\r\n',
    ' folded\r\n',
    'text',
    'no field\r\n',
    '\xff\x00',
  );
  const messages = fc.array(
    fc.oneof({ weight: 6, arbitrary: pieces }, { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 5 }) }),
    {
      maxLength: 40,
    },
  );

  const nests = (part: Part): void => {
    expect(part.headerStart).toBeLessThanOrEqual(part.bodyStart);
    expect(part.bodyStart).toBeLessThanOrEqual(part.bodyEnd);
    let at = part.bodyStart;
    for (const child of part.parts) {
      expect(child.headerStart).toBeGreaterThanOrEqual(at);
      expect(child.bodyEnd).toBeLessThanOrEqual(part.bodyEnd);
      at = child.bodyEnd;
      nests(child);
    }
  };

  it('give a tree whose offsets nest and whose line counts are right, however they are split', () => {
    fc.assert(
      fc.property(messages, fc.integer({ min: 1, max: 30 }), (list, cut) => {
        const bytes = Buffer.from(list.join(''), 'latin1');
        const whole = index(bytes);
        expect(index(bytes, cut)).toEqual(whole);
        expect(whole.root.headerStart).toBe(0);
        expect(whole.root.bodyEnd).toBe(bytes.length);
        nests(whole.root);
        for (const part of texts(whole.root))
          expect(part.lines).toBe(lines(bytes.subarray(part.bodyStart, part.bodyEnd)));
        // Strings are well-formed: quotes are balanced once literals are removed.
        const plain = `${whole.envelope} ${whole.bodyStructure}`;
        expect(balanced(plain)).toBe(true);
      }),
      { numRuns: 1500 },
    );
  });

  const texts = (part: Part): Part[] =>
    [...(part.type === 'text' || part.type === 'message' ? [part] : []), ...part.parts.flatMap(texts)].filter(
      (p) => p.type === 'text' || p.parts.length > 0,
    );
  const lines = (bytes: Uint8Array): number => bytes.reduce((sum, octet) => sum + (octet === 10 ? 1 : 0), 0);

  /** Parses the text as IMAP tokens: strings, literals and parentheses. */
  function balanced(text: string): boolean {
    let open = 0;
    for (let at = 0; at < text.length; ) {
      const token = /^(?:[^"{()]|"(?:[^"\\\r\n]|\\["\\])*"|\{(\d+)\}\r\n|[()])/.exec(text.slice(at));
      if (token === null) return false;
      open += token[0] === '(' ? 1 : token[0] === ')' ? -1 : 0;
      if (open < 0) return false;
      at += token[0].length + Number(token[1] ?? 0);
    }
    return open === 0;
  }
});
