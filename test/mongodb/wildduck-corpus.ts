/** Messages as they occur, and as they should not: each has a name that says what is odd about it. */
import { createHash } from 'node:crypto';

/** The same octets in every run. */
export function noise(seed: string, length: number): Buffer {
  const pieces: Buffer[] = [];
  for (let n = 0; n * 32 < length; n += 1) pieces.push(createHash('sha256').update(`${seed} ${n}`).digest());
  return Buffer.concat(pieces).subarray(0, length);
}

const base64 = (octets: Buffer, line = 76): string =>
  octets.toString('base64').replace(new RegExp(`.{${line}}(?=.)`, 'g'), '$&\r\n');

const HEAD = 'From: Maomao <maomao@example.com>\r\nTo: xixi@example.com\r\nDate: Fri, 20 Nov 2026 22:00:00 +0800\r\n';
const message = (subject: string, rest: string): string =>
  `${HEAD}Subject: ${subject}\r\nMessage-ID: <${subject.replace(/\W+/g, '-')}@example.com>\r\n${rest}`;
const mixed = (boundary: string, ...parts: readonly string[]): string =>
  `Content-Type: multipart/mixed; boundary="${boundary}"\r\n\r\n${parts.map((part) => `--${boundary}\r\n${part}\r\n`).join('')}--${boundary}--\r\n`;
const attachment = (body: string, encoding = 'base64', name = 'a.bin'): string =>
  `Content-Type: application/octet-stream; name="${name}"\r\nContent-Transfer-Encoding: ${encoding}\r\nContent-Disposition: attachment; filename="${name}"\r\n\r\n${body}`;
const text = (body: string, type = 'plain'): string => `Content-Type: text/${type}; charset=utf-8\r\n\r\n${body}`;

const nested =
  `Content-Type: multipart/mixed; boundary=outer\r\n\r\n--outer\r\n` +
  `Content-Type: multipart/related; boundary=middle\r\n\r\n--middle\r\n` +
  `Content-Type: multipart/alternative; boundary=inner\r\n\r\n--inner\r\n${text('plain')}\r\n--inner\r\n` +
  `${text('<img src="cid:pic@x">', 'html')}\r\n--inner--\r\n\r\n--middle\r\n` +
  `Content-Type: image/png\r\nContent-ID: <pic@x>\r\nContent-Transfer-Encoding: base64\r\n\r\n${base64(noise('png', 5000))}\r\n` +
  `--middle--\r\n\r\n--outer\r\n${attachment(base64(noise('file', 2000)))}\r\n--outer--\r\n`;
const deep = (depth: number): string =>
  depth === 0 ? text('deep') : mixed(`level${depth}`, deep(depth - 1).replace(/\r\n$/, ''), text(`at ${depth}`));
const enclosed = message('enclosed', mixed('in', text('inside'), attachment(base64(noise('in', 300)))));
const big = base64(noise('3 MB', 3 * 1024 * 1024));

/** With CRLF as every line end, so that our store can have them. */
const TEXTS: Readonly<Record<string, string>> = {
  plain: message('plain', '\r\nHello\r\n\r\nworld\r\n'),
  'one line': message('one line', '\r\nHello\r\n'),
  'nested multiparts with an image': message('nested', nested),
  'inner multipart that ends without an empty line': message('tight', nested.replaceAll('--\r\n\r\n--', '--\r\n--')),
  'ten levels': message('deep', deep(10)),
  'message/rfc822': message('forward', mixed('f', text('see'), `Content-Type: message/rfc822\r\n\r\n${enclosed}`)),
  'message/rfc822 without multipart': message(
    'forward 2',
    mixed('f', `Content-Type: message/rfc822\r\n\r\n${message('in', '\r\nbody\r\n')}`),
  ),
  'message/rfc822 in base64': message(
    'forward 3',
    mixed(
      'f',
      `Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n${base64(Buffer.from(enclosed))}`,
    ),
  ),
  'message/rfc822 as the whole': message('forward 4', `Content-Type: message/rfc822\r\n\r\n${enclosed}`),
  'delivery status': message(
    'report',
    `Content-Type: multipart/report; report-type=delivery-status; boundary=r\r\n\r\n--r\r\n\r\nIt failed.\r\n--r\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; x\r\n\r\nFinal-Recipient: rfc822; y\r\nStatus: 5.1.1\r\n\r\n--r\r\nContent-Type: text/rfc822-headers\r\n\r\nSubject: lost\r\n\r\n--r--\r\n`,
  ),
  'quoted-printable attachment': message(
    'qp',
    mixed('q', attachment('a=3Db=\r\nc=C3=A9', 'quoted-printable', 'a.csv')),
  ),
  '8bit text': message('8bit', `Content-Transfer-Encoding: 8bit\r\n${text('Größe 茅 \xff\xfe')}\r\n`),
  'latin1 text without a charset': message('latin1', '\r\nGr\xfc\xdfe \xff\xfe\x00\r\n'),
  'very long lines': message('long', `\r\n${'x'.repeat(100_000)}\r\n${'y z '.repeat(20_000)}\r\n`),
  'very long header': message('long header', `References: ${'<a@b>\r\n '.repeat(2000)}<z@b>\r\n\r\nbody\r\n`),
  'without the last boundary': message('open', mixed('o', text('one'), text('two')).replace('--o--\r\n', '')),
  'text before and behind the parts': message(
    'around',
    `${mixed('a', text('in')).replace('\r\n\r\n--a', '\r\n\r\npreamble\r\n--a')}epilogue\r\n`,
  ),
  'empty line behind the last boundary': message('behind', `${mixed('a', text('in'))}\r\n`),
  'no line end behind the last boundary': message('end', mixed('a', text('in')).replace(/\r\n$/, '')),
  'empty parts': message(
    'empty',
    'Content-Type: multipart/mixed; boundary=e\r\n\r\n--e\r\nContent-Type: text/plain\r\n\r\n\r\n--e\r\nContent-Type: text/plain\r\n\r\n--e\r\nContent-Type: image/png\r\n\r\n\r\n--e--\r\n',
  ),
  'parts without anything': message(
    'nothing',
    'Content-Type: multipart/mixed; boundary=e\r\n\r\n--e\r\n--e\r\n\r\n--e--\r\n',
  ),
  'parts without a header': message('bare parts', mixed('b', '\r\nno header', '\r\nnone here')),
  'part that is no header': message('no field', mixed('b', 'this is no field', text('one'))),
  'boundary with blanks behind it': message('blanks', mixed('b', text('x')).replaceAll('--b\r\n', '--b \r\n')),
  'multipart without a boundary': message('no boundary', 'Content-Type: multipart/mixed\r\n\r\ntext\r\n'),
  'multipart without parts': message('no parts', 'Content-Type: multipart/mixed; boundary=none\r\n\r\ntext\r\n'),
  'header alone': message('header', ''),
  'header and an empty line': message('header and line', '\r\n'),
  'header and two empty lines': message('header and lines', '\r\n\r\n'),
  'an encoded and a raw header': `${HEAD}Subject: =?utf-8?Q?Gr=C3=B6=C3=9Fe?= =?iso-8859-1?Q?=FC?=\r\nCc: "Größe" <g@example.com>, =?utf-8?B?6IyF?= <m@example.com>\r\nMessage-ID: <raw@example.com>\r\n\r\nx\r\n`,
  'names in RFC 2231': message(
    'names',
    mixed(
      'n',
      `Content-Type: application/pdf; name*=utf-8''%E8%8C%85.pdf\r\nContent-Disposition: attachment; filename*0*=utf-8''a%20; filename*1=b.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n${base64(noise('pdf', 100))}`,
    ),
  ),
  'groups and many addresses': `${HEAD}Cc: friends: a@example.com, "B, C" <b@example.com>;, d@example.com (D)\r\nBcc: nobody:;\r\nSubject: groups\r\n\r\nx\r\n`,
  'fields more than once': `${HEAD}Subject: one\r\nSubject: two\r\nReceived: a\r\nReceived: b\r\nContent-Type: text/html\r\nContent-Type: text/plain\r\n\r\nx\r\n`,
  'odd field names': `${HEAD}$x.y: 1\r\n__proto__: 2\r\nconstructor: 3\r\nNo colon here\r\nX Y: 4\r\nSubject: odd\r\n\r\nx\r\n`,
  '3 MB in base64': message('big', mixed('b', text('big'), attachment(big, 'base64', 'big.bin'))),
  'the same 3 MB twice': message('big twice', mixed('b', attachment(big), attachment(big, 'base64', 'again.bin'))),
  '300 KB of text': message('much text', `\r\n${'All work and no play makes Jack a dull boy.\r\n'.repeat(8000)}`),
  'base64 in lines of 60': message('60', mixed('b', attachment(base64(noise('60', 4000), 60)))),
  'base64 in one line': message('one', mixed('b', attachment(noise('1', 600).toString('base64')))),
  'base64 in one full line': message('57', mixed('b', attachment(base64(noise('57', 57))), text('behind'))),
  'base64 in two full lines': message('114', mixed('b', attachment(base64(noise('114', 114))), text('behind'))),
  'base64 with a line end behind it': message(
    'trail',
    mixed('b', attachment(`${base64(noise('t', 500))}\r\n`), text('z')),
  ),
  'base64 in uneven lines': message(
    'uneven',
    mixed('b', attachment(`${base64(noise('u', 90), 76)}\r\n${base64(noise('v', 90), 40)}`)),
  ),
  'base64 that is none': message('none', mixed('b', attachment('This is not base64!\r\nreally not'))),
  'base64 that fills a chunk': message(
    'chunk',
    mixed('b', attachment(base64(noise('c', 255 * 1024 + 54))), text('behind')),
  ),
  'attached text': message(
    'attached',
    mixed('b', text('shown'), `Content-Type: text/plain\r\nContent-Disposition: attachment\r\n\r\nattached`),
  ),
  'whole message an attachment': message(
    'pdf',
    `Content-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n${base64(noise('w', 9000))}\r\n`,
  ),
  'stray CR': message('stray', '\r\na\rb\r\r\nc\r\n'),
};

const octets = (value: string): Buffer => Buffer.from(value, /[\u0100-\uffff]/.test(value) ? 'utf8' : 'latin1');

export const CORPUS: Readonly<Record<string, Buffer>> = Object.fromEntries(
  Object.entries(TEXTS).map(([name, value]) => [name, octets(value)]),
);

/** What WildDuck cannot send as it is, in whatever way it is kept. */
export const UNFIT: Readonly<Record<string, Buffer>> = {
  'an empty line at the beginning': octets('\r\nbody\r\n'),
  'no line end at all': octets('Subject: x'),
};

/** Line ends that WildDuck itself mends. */
export const ODD_LINE_ENDS: Readonly<Record<string, Buffer>> = {
  'LF only': octets(TEXTS['nested multiparts with an image']?.replaceAll('\r\n', '\n') ?? ''),
  'LF in the body': octets(message('LF', '\r\na\nb\nc\r\n')),
};
