/** Messages with what breaks signatures: odd headers, folding, white space, 8-bit text, empty bodies. Always the same. */

/** A message of `address`; its lines end with CRLF, as they do once a server has taken it. */
export function generatedMessage(seed: number, address: string): Buffer {
  const random = generator(seed);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
  const text = (parts: number): string => Array.from({ length: parts }, () => pick(PARTS)).join('');
  const field = (name: string): string =>
    `${pick([name, name.toLowerCase(), name.toUpperCase()])}${pick(COLONS)}${text(4)}x\r\n`;
  const header = [
    `From:${pick([' ', '\t', '\r\n '])}${pick(['', 'A  "quoted" name ', '"x\\"y" '])}<${address}>\r\n`,
    ...Array.from({ length: Math.floor(random() * 10) }, () => field(pick(NAMES))),
  ];
  const lines = Array.from({ length: Math.floor(random() * 12) }, () => `${text(Math.floor(random() * 6))}\r\n`);
  const end = pick(['', '', '\r\n', '\r\n\r\n\r\n', ' \r\n\t\r\n', '.\r\n']);
  return Buffer.from(`${header.sort(() => random() - 0.5).join('')}\r\n${lines.join('')}${end}`, 'latin1');
}

const NAMES = [
  ...['To', 'Cc', 'Subject', 'Date', 'Message-ID', 'Reply-To', 'MIME-Version', 'Content-Type', 'Sender', 'References'],
  ...['Received', 'X-Odd', 'List-Id', 'List-Unsubscribe', 'Resent-From', 'Comments', 'Content-Transfer-Encoding'],
];
const COLONS = [':', ': ', ':  ', ':\t', ':\r\n '];
const PARTS = [
  'word',
  ' ',
  '  ',
  '\t',
  ' \t ',
  '\xe4\xbd\xa0\xe5\xa5\xbd',
  '\xff',
  '=20',
  '..',
  ';b=',
  '<a@b.example>',
  '\r\n  more',
];

/** Mulberry32: repeatable. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
