/**
 * The words that this plugin adds to `smtpd_*_restrictions`: one row each, with what it looks up and what a listing
 * means. When a client is first looked up in one list, all lists configured for clients are queried at the same time.
 */
import {
  type Connection,
  DUNNO,
  type Outcome,
  PERMIT,
  type Question,
  type Restriction,
  rejectWith,
  reply,
  type Server,
  type Subject,
} from '../../src/bus/plugin.ts';
import { domainOf, localPart } from '../../src/mail/address.ts';
import { allowedCharacters, onlyAllowed } from '../../src/protocol/smtp/template.ts';
import type { DnsLists, Listing } from './lists.ts';
import { templateReply } from './template.ts';
import { listedDomain, parseZone, reversedAddress, type Zone } from './zone.ts';

/** What a list is queried for. */
interface Listed {
  readonly kind: Subject['kind'];
  /** As shown in the reply. */
  readonly what: string;
  /** Prefix of the zone's name. */
  readonly label: string;
}

type Find = (question: Question) => Listed | null;

const byAddress: Find = ({ connection: { remote } }) => {
  const label = reversedAddress(remote.ip);
  return label === null ? null : { kind: 'Client host', what: remote.ip, label };
};

const byDomain =
  (kind: Subject['kind'], of: (question: Question) => string | null): Find =>
  (question) => {
    const what = of(question);
    const label = what === null || what === 'unknown' ? null : listedDomain(what);
    return what === null || label === null ? null : { kind, what, label };
  };

const clientDomain = byDomain('Client host', ({ connection }) => connection.remote.name);

const ROWS: Readonly<Record<string, { readonly find: Find; readonly means: 'reject' | 'permit' }>> = {
  reject_rbl_client: { find: byAddress, means: 'reject' },
  reject_rbl: { find: byAddress, means: 'reject' },
  permit_dnswl_client: { find: byAddress, means: 'permit' },
  reject_rhsbl_client: { find: clientDomain, means: 'reject' },
  permit_rhswl_client: { find: clientDomain, means: 'permit' },
  reject_rhsbl_reverse_client: {
    find: byDomain('Unverified Client host', ({ connection }) => connection.remote.reverseName),
    means: 'reject',
  },
  reject_rhsbl_helo: { find: byDomain('Helo command', ({ helo }) => helo), means: 'reject' },
  reject_rhsbl_sender: { find: byDomain('Sender address', ({ sender }) => sender), means: 'reject' },
  reject_rhsbl_recipient: {
    find: byDomain('Recipient address', ({ recipient }) => recipient?.original ?? null),
    means: 'reject',
  },
};

const LISTS = ['client', 'helo', 'sender', 'relay', 'recipient', 'data', 'end_of_data'] as const;

/** The zones that this service queries for a client's address. */
function clientZones({ parameters }: Connection): readonly string[] {
  return LISTS.flatMap((name) => {
    const list = parameters.list(`smtpd_${name}_restrictions`);
    return list.filter((_word, i) => ROWS[list[i - 1]?.toLowerCase() ?? '']?.find === byAddress);
  });
}

const nameIn = (zone: Zone, listed: Listed): string => `${listed.label}.${zone.name}`;

export function listRestrictions(server: Server, lists: DnsLists): Readonly<Record<string, Restriction>> {
  async function find(question: Question, zoneText: string, listed: Listed): Promise<Listing | null> {
    const zone = parseZone(zoneText);
    if (zone === null)
      throw new Error(
        `"${zoneText.slice(0, 100)}" is not a DNS list; expected zone.example or zone.example=127.0.0.[2..4]`,
      );
    if (listed.kind === 'Client host' && listed.what === question.connection.remote.ip) {
      for (const other of clientZones(question.connection)) {
        const parsed = parseZone(other);
        if (parsed !== null) void lists.ask(nameIn(parsed, listed), parsed.name);
      }
    }
    const listing = await lists.ask(nameIn(zone, listed), zone.name);
    if (!listing.answered) return listing;
    return listing.addresses.some(zone.counts) ? listing : null;
  }

  async function refusal(question: Question, zoneText: string, listed: Listed): Promise<Outcome> {
    const listing = await find(question, zoneText, listed);
    if (listing === null || !listing.answered) return DUNNO;
    const { parameters } = question.connection;
    const template =
      (await replyFor(server, parameters.list('rbl_reply_maps'), zoneText)) ?? parameters.string('default_rbl_reply');
    const code = parameters.number('maps_rbl_reject_code');
    return rejectWith(
      templateReply(
        template,
        code,
        onlyAllowed(
          { ...valuesOf(question), ...listingValues(zoneText, listed, listing, code) },
          allowedCharacters(question.connection.parameters.string('smtpd_expansion_filter')),
        ),
      ),
    );
  }

  async function permission(question: Question, zoneText: string, listed: Listed): Promise<Outcome> {
    const listing = await find(question, zoneText, listed);
    if (listing === null) return DUNNO;
    // Without an answer, a later reject might be wrong.
    const text = `<${question.subject.name}>: ${question.subject.kind} rejected: Service unavailable`;
    return listing.answered ? PERMIT : { kind: 'defer_if_reject', reply: reply(450, '4.7.1', text) };
  }

  const rows = Object.entries(ROWS).map(([name, row]): [string, Restriction] => [
    name,
    {
      takesArgument: true,
      check: (question) => {
        const listed = row.find(question);
        if (listed === null) return DUNNO;
        return row.means === 'reject'
          ? refusal(question, question.argument, listed)
          : permission(question, question.argument, listed);
      },
    },
  ]);
  const mapsRbl: Restriction = {
    check: async (question) => {
      const listed = byAddress(question);
      for (const zone of listed === null ? [] : question.connection.parameters.list('maps_rbl_domains')) {
        const outcome = listed === null ? DUNNO : await refusal(question, zone, listed);
        if (outcome.kind !== 'dunno') return outcome;
      }
      return DUNNO;
    },
  };
  return { ...Object.fromEntries(rows), reject_maps_rbl: mapsRbl };
}

async function replyFor(server: Server, maps: readonly string[], zone: string): Promise<string | undefined> {
  for (const name of maps) {
    const found = await server.tables.open(name).get(zone);
    if (found !== undefined) return found;
  }
  return undefined;
}

function listingValues(zone: string, listed: Listed, listing: Listing, code: number): Readonly<Record<string, string>> {
  return {
    rbl_code: String(code),
    rbl_class: listed.kind,
    rbl_what: listed.what,
    rbl_domain: zone.split('=', 1).join(''),
    rbl_reason: listing.reason,
    rbl_txt: listing.reason,
  };
}

function valuesOf({ connection: { remote }, helo, sender, recipient }: Question): Readonly<Record<string, string>> {
  const to = recipient?.original ?? '';
  return {
    client: `${remote.name}[${remote.ip}]`,
    client_address: remote.ip,
    client_name: remote.name,
    reverse_client_name: remote.reverseName,
    helo_name: helo ?? '',
    sender: sender === '' ? '<>' : (sender ?? ''),
    sender_name: localPart(sender ?? ''),
    sender_domain: domainOf(sender ?? ''),
    recipient: to,
    recipient_name: localPart(to),
    recipient_domain: domainOf(to),
  };
}
