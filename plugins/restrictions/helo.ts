/** Restrictions on the HELO or EHLO name. One row each; the old names of Postfix 2.2 are the same rows. */
import { isIPv4 } from 'node:net';
import { DUNNO, PERMIT, type Question, type Restriction, type Server } from '../../src/bus/plugin.ts';
import { parseAddress } from '../../src/lookup/network.ts';
import { isDomainName } from './domain-name.ts';
import { mailHost } from './mail-host.ts';
import { refusal, refuse, unanswered } from './refusal.ts';
import { heloSubject } from './session.ts';

/**
 * US-ASCII letters, digits, hyphens and underscores in labels of at most 63 characters; not all numeric (Postfix:
 * valid_hostname).
 */
const isHostname = (name: string): boolean => isDomainName(name) && !/[^\x00-\x7f]/.test(name);

/** An address as sent on the wire: without a zone identifier, which is only valid on one host (RFC 4007 section 11). */
const isAddress = (text: string): boolean => !text.includes('%') && parseAddress(text) !== null;

/** `[192.0.2.1]` or `[IPv6:2001:db8::1]` */
const isLiteral = (text: string): boolean => {
  const inner = /^\[(ipv6:)?([^\]]*)\]$/i.exec(text);
  return inner !== null && isAddress(inner[2] ?? '') && (inner[2] ?? '').includes(':') === (inner[1] !== undefined);
};

type Check = (question: Question, helo: string) => ReturnType<Restriction['check']>;
const onHelo = (check: Check): Restriction => ({
  check: (question) => (question.helo === null ? DUNNO : check(question, question.helo)),
});

export function heloRestrictions(server: Server): Readonly<Record<string, Restriction>> {
  const badName: Check = ({ connection: { parameters } }, helo) => {
    const code = parameters.number('invalid_hostname_reject_code');
    if (helo.startsWith('['))
      return isLiteral(helo) ? DUNNO : refuse(code, '5.5.2', heloSubject(helo), 'invalid ip address');
    return isHostname(helo) || isAddress(helo.replace(/\.$/, ''))
      ? DUNNO
      : refuse(code, '5.5.2', heloSubject(helo), 'Invalid name');
  };
  const invalid = onHelo(badName);
  const notQualified = onHelo((question, helo) => {
    if (helo.startsWith('[')) return badName(question, helo);
    const { parameters } = question.connection;
    if (isHostname(helo) && helo.replace(/\.$/, '').includes('.')) return DUNNO;
    return refuse(
      parameters.number('non_fqdn_reject_code'),
      '5.5.2',
      heloSubject(helo),
      'need fully-qualified hostname',
    );
  });
  const unknown = onHelo(async (question, helo) => {
    if (helo.startsWith('[')) return badName(question, helo);
    const { parameters } = question.connection;
    const found = await mailHost(server.resolver, helo.toLowerCase().replace(/\.$/, ''));
    const words = (code: number): ReturnType<typeof refusal> =>
      refusal(code, '4.7.1', heloSubject(helo), 'Host not found');
    if (found === 'notfound')
      return { kind: 'reject', reply: words(parameters.number('unknown_hostname_reject_code')) };
    return found === 'tempfail'
      ? unanswered(parameters.string('unknown_helo_hostname_tempfail_action'), words(450))
      : DUNNO;
  });
  return {
    reject_invalid_helo_hostname: invalid,
    reject_invalid_hostname: invalid,
    reject_non_fqdn_helo_hostname: notQualified,
    reject_non_fqdn_hostname: notQualified,
    reject_unknown_helo_hostname: unknown,
    reject_unknown_hostname: unknown,
    // Any client may send an address, so this never permits relaying. What only looks like one is refused.
    permit_naked_ip_address: onHelo(({ connection: { parameters } }, helo) => {
      if (!/^[\d.:]+$/.test(helo)) return DUNNO;
      if (isIPv4(helo)) return PERMIT;
      return refuse(
        parameters.number('invalid_hostname_reject_code'),
        '5.5.2',
        heloSubject(helo),
        'invalid ip address',
      );
    }),
  };
}
