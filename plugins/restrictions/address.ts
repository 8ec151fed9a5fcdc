/** Restrictions on the sender's and the recipient's address: its syntax, its domain, its existence. One row each. */
import {
  DUNNO,
  type Outcome,
  type Question,
  type Restriction,
  type Server,
  type Subject,
  trace,
} from '../../src/bus/plugin.ts';
import type { NumberName, StringName } from '../../src/lookup/parameters.ts';
import { domainOf } from '../../src/mail/address.ts';
import { isDomainName } from './domain-name.ts';
import { mailHost } from './mail-host.ts';
import { DNS_PATIENCE } from './patience.ts';
import { makeReply, refusal, refuse, unanswered } from './refusal.ts';
import { recipientOf, recipientSubject, senderSubject } from './session.ts';
import { unlisted } from './unlisted.ts';

/** The differences between the two: where the address comes from, and the codes used. */
interface Party {
  readonly kind: 'sender' | 'recipient';
  readonly of: (question: Question) => string | null;
  readonly subject: (address: string) => Subject;
  readonly notFound: string;
  readonly nullMx: readonly [code: number, enhanced: string];
  readonly unverified: {
    readonly rejectCode: NumberName;
    readonly deferCode: NumberName;
    readonly reason: StringName;
    readonly action: StringName;
  };
}

const SENDER: Party = {
  kind: 'sender',
  of: (question) => question.sender,
  subject: senderSubject,
  notFound: '4.1.8',
  nullMx: [550, '5.7.27'],
  unverified: {
    rejectCode: 'unverified_sender_reject_code',
    deferCode: 'unverified_sender_defer_code',
    reason: 'unverified_sender_reject_reason',
    action: 'unverified_sender_tempfail_action',
  },
};
const RECIPIENT: Party = {
  kind: 'recipient',
  of: recipientOf,
  subject: recipientSubject,
  notFound: '4.1.2',
  nullMx: [556, '5.1.10'],
  unverified: {
    rejectCode: 'unverified_recipient_reject_code',
    deferCode: 'unverified_recipient_defer_code',
    reason: 'unverified_recipient_reject_reason',
    action: 'unverified_recipient_tempfail_action',
  },
};

const isLiteral = (domain: string): boolean => domain.startsWith('[') && domain.endsWith(']');

function notQualified({ connection: { parameters } }: Question, address: string, party: Party): Outcome {
  const domain = domainOf(address);
  // RFC 5321 section 4.5.1: a bare postmaster is always valid.
  if (isLiteral(domain) || (party.kind === 'recipient' && address.toLowerCase() === 'postmaster')) return DUNNO;
  if (isDomainName(domain) && domain.replace(/\.$/, '').includes('.')) return DUNNO;
  return refuse(
    parameters.number('non_fqdn_reject_code'),
    '5.5.2',
    party.subject(address),
    'need fully-qualified address',
  );
}

async function unknownDomain(
  server: Server,
  { connection: { parameters } }: Question,
  address: string,
  party: Party,
): Promise<Outcome> {
  const domain = domainOf(address);
  if (domain === '' || isLiteral(domain)) return DUNNO;
  const kind = await server.domains.classify(domain);
  if (kind !== 'default' && kind !== 'relay') return DUNNO;
  const found = await mailHost(server.resolver, domain);
  if (found === 'exists' || found === 'filtered') return DUNNO;
  const subject = party.subject(address);
  if (found === 'nullmx') {
    const [code, enhanced] = party.nullMx;
    const text = `<${subject.name}>: ${subject.kind} rejected: Domain ${domain} does not accept mail (nullMX)`;
    return { kind: 'reject', reply: makeReply(code, enhanced, text) };
  }
  const words = (code: number): ReturnType<typeof refusal> =>
    refusal(code, party.notFound, subject, 'Domain not found');
  if (found === 'notfound') return { kind: 'reject', reply: words(parameters.number('unknown_address_reject_code')) };
  return unanswered(parameters.string('unknown_address_tempfail_action'), words(450));
}

/** Octets of the other server's words. */
const LONGEST_REASON = 250;

async function unverified(
  server: Server,
  { connection: { parameters } }: Question,
  address: string,
  party: Party,
): Promise<Outcome> {
  // Postfix looks so often; here the answer is told when it is there.
  const polls = parameters.number('address_verify_poll_count') - 1;
  const patience = Math.min(DNS_PATIENCE, polls * parameters.time('address_verify_poll_delay'));
  const found = await server.verifications.verify(address, patience);
  if (found?.status === 'deliverable') return DUNNO;
  const watcher = trace();
  if (found === null && watcher?.hypothetical === true) {
    watcher.add({ kind: 'log', text: `nothing is known about <${address}>: a real session would have it probed` });
    return DUNNO;
  }
  const { rejectCode, deferCode, reason: otherwise, action } = party.unverified;
  const code = parameters.number(found?.status === 'undeliverable' ? rejectCode : deferCode);
  // 250 lets it pass (postconf(5)).
  if (code < 400) return DUNNO;
  const reason = parameters.string(otherwise) || (found?.text ?? 'Address verification in progress');
  const words = `${code < 500 ? 'unverified' : 'undeliverable'} address: ${reason.slice(0, LONGEST_REASON)}`;
  const answer = refusal(code, '4.1.1', party.subject(address), words);
  return code < 500 ? unanswered(parameters.string(action), answer) : { kind: 'reject', reply: answer };
}

type Check = (question: Question, address: string, party: Party) => Outcome | Promise<Outcome>;

export function addressRestrictions(server: Server): Readonly<Record<string, Restriction>> {
  /** Only applies if there is an address: not for the null reverse-path, nor after several recipients. */
  const row = (party: Party, check: Check): Restriction => ({
    check: (question) => {
      const address = party.of(question);
      return address === null || address === '' ? DUNNO : check(question, address, party);
    },
  });
  const exists: Check = (question, address, party) => unlisted(server, question, address, party.kind);
  const verified: Check = (question, address, party) => unverified(server, question, address, party);
  const resolves: Check = (question, address, party) => unknownDomain(server, question, address, party);
  return {
    reject_non_fqdn_sender: row(SENDER, notQualified),
    reject_non_fqdn_recipient: row(RECIPIENT, notQualified),
    reject_unknown_sender_domain: row(SENDER, resolves),
    reject_unknown_recipient_domain: row(RECIPIENT, resolves),
    reject_unknown_address: row(SENDER, resolves),
    reject_unlisted_sender: row(SENDER, exists),
    reject_unlisted_recipient: row(RECIPIENT, exists),
    check_recipient_maps: row(RECIPIENT, exists),
    reject_unverified_sender: row(SENDER, verified),
    reject_unverified_recipient: row(RECIPIENT, verified),
  };
}
