/** The members of nodemailer's client that smtp-session.ts relies on, and replies as it reads them. */
import SMTPConnection from 'nodemailer/lib/smtp-connection';
import { describe, expect, it } from 'vitest';
import { parseReply } from '../../src/delivery/smtp-session.ts';

describe("the library's own members", () => {
  it('are where smtp-session.ts expects them', () => {
    const client = new SMTPConnection({ host: 'x' }) as unknown as Record<string, unknown>;
    expect(typeof client['_sendCommand']).toBe('function');
    expect(client['_supportedExtensions']).toEqual([]);
    expect(client['_supportedAuth']).toEqual([]);
    expect(client['_maxAllowedSize']).toBe(0);
    expect(client['_envelope']).toBe(false);
  });
});

describe('a reply', () => {
  it.each([
    ['250 2.0.0 Ok: queued as X', 250, '2.0.0', 'Ok: queued as X'],
    ['550-5.1.1 one\n550 5.1.1 two', 550, '5.1.1', 'one two'],
    ['421 closing', 421, '', 'closing'],
    ['250', 250, '', ''],
    ['what', 0, '', 'what'],
    ['550 5.1.1234 odd', 550, '', '5.1.1234 odd'],
  ])('%j', (text, code, enhanced, words) => {
    expect(parseReply(text)).toEqual({ code, enhanced, text: words });
  });
});
