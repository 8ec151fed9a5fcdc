/**
 * The messages of the reading rows, the same in every run: sizes with a median of 4 KB up to 100 KB, plain, alternative
 * or with an attachment, various headers, words from a vocabulary that few messages share.
 */

/** What the SEARCH rows look for. */
export const RARE_WORD = 'quokkafern';
export const WORD_NOWHERE = 'xylozephyr';
export const DOMAIN = 'bench.example';
/** The account whose INBOX is the corpus, and the one whose INBOX has many small messages. */
export const READER = `reader@${DOMAIN}`;
export const MANY = `many@${DOMAIN}`;
export const PASSWORD = 'maomao';
/** u0@ to u99@: the recipients of the delivery rows. */
export const ACCOUNTS = 100;
export const RECEIVERS: readonly string[] = Array.from({ length: ACCOUNTS }, (_, i) => `u${i}@${DOMAIN}`);

const MEDIAN = 4096;
const LARGEST = 100_000;
const SMALLEST = 700;

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const SYLLABLES = ['ba', 'ne', 'ki', 'lo', 'mu', 'ra', 'te', 'si', 'do', 'vu', 'pa', 'ge'];

/** One of 1,728 words. */
function word(random: () => number): string {
  const syllable = (): string => SYLLABLES[Math.floor(random() * SYLLABLES.length)] ?? 'ba';
  return syllable() + syllable() + syllable();
}

/** Lines of words, of about this many octets. */
function prose(random: () => number, octets: number): string {
  const lines: string[] = [];
  for (let size = 0; size < octets; ) {
    const line = Array.from({ length: 10 }, () => word(random)).join(' ');
    lines.push(line);
    size += line.length + 2;
  }
  return lines.join('\r\n');
}

/** A random file in base64, of about this many octets. */
function attachment(random: () => number, octets: number): string {
  const bytes = Buffer.from(Array.from({ length: Math.floor((octets * 3) / 4) }, () => Math.floor(random() * 256)));
  return bytes.toString('base64').replace(/.{76}/g, '$&\r\n');
}

/** Log-normal, like real mail. */
function size(random: () => number): number {
  const normal = Math.sqrt(-2 * Math.log(random() || 0.5)) * Math.cos(2 * Math.PI * random());
  return Math.round(Math.min(LARGEST, Math.max(SMALLEST, MEDIAN * Math.exp(1.1 * normal))));
}

function body(random: () => number, octets: number, extra: string): readonly string[] {
  const kind = random();
  const plain = ['Content-Type: text/plain; charset=utf-8'];
  if (kind < 0.3) return [...plain, '', prose(random, octets), extra, ''];
  const text = (share: number): readonly string[] => ['--b1', ...plain, '', prose(random, octets * share), extra];
  if (kind < 0.75)
    return [
      'Content-Type: multipart/alternative; boundary="b1"',
      '',
      ...text(0.4),
      '--b1',
      'Content-Type: text/html; charset=utf-8',
      'Content-Transfer-Encoding: quoted-printable',
      '',
      `<p>${prose(random, octets * 0.5)}</p>`,
      '--b1--',
      '',
    ];
  return [
    'Content-Type: multipart/mixed; boundary="b1"',
    '',
    ...text(0.2),
    '--b1',
    'Content-Type: application/pdf; name="report.pdf"',
    'Content-Disposition: attachment; filename="report.pdf"',
    'Content-Transfer-Encoding: base64',
    '',
    attachment(random, octets * 0.75),
    '--b1--',
    '',
  ];
}

/** The message with that number; `octets` sets its approximate size. */
export function sample(number: number, octets?: number): string {
  const random = randomNumbers(number + 1);
  const day = String(1 + (number % 28)).padStart(2, '0');
  const large = octets ?? size(random);
  return [
    `Return-Path: <sender${number % 97}@example.org>`,
    `Received: from mx${number % 7}.example.org (mx${number % 7}.example.org [192.0.2.${number % 250}])`,
    `\tby mail.${DOMAIN} with ESMTPS id ${number.toString(36)}; ${day} Nov 2026 10:00:00 +0000`,
    `From: "Sender ${number % 97}" <sender${number % 97}@example.org>`,
    `To: "Mao Mao" <${READER}>, other${number % 13}@example.com`,
    ...(number % 3 === 0 ? [`Cc: team${number % 5}@example.net`] : []),
    `Subject: =?UTF-8?Q?Message_n=C2=B0_${number}?= ${word(random)} ${word(random)}`,
    `Date: ${day} Nov 2026 10:${String(number % 60).padStart(2, '0')}:00 +0000`,
    `Message-ID: <${number}.bench@example.org>`,
    ...(number % 4 === 0 ? [`References: <${number - 1}.bench@example.org>`] : []),
    `X-Campaign: ${number % 50 === 0 ? 'spring' : 'none'}-${number % 11}`,
    'MIME-Version: 1.0',
    ...body(random, large - 600, octets === undefined && number % 200 === 7 ? `see ${RARE_WORD} there` : ''),
  ].join('\r\n');
}

export function* corpus(messages: number): Generator<string> {
  for (let number = 0; number < messages; number += 1) yield sample(number);
}

/** Small messages, where only their number matters. */
export function* smallMessages(messages: number): Generator<string> {
  for (let number = 0; number < messages; number += 1) yield sample(number, 1_000);
}
