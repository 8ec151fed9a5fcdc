/**
 * Questions to name servers that validate (RFC 4035 section 4.9.3): the AD bit of an answer is believed, so they must be
 * on this machine, or resolv.conf must say `options trust-ad` because the way to them is safe. From others every answer
 * counts as not validated.
 */
import type { Endpoint } from '../protocol/dns/endpoint.ts';
import { CLASS, type Message, OPCODE, RCODE } from '../protocol/dns/message.ts';
import { type DomainName, nameKey, parseName, withoutFinalDot } from '../protocol/dns/name.ts';
import { ResolveError, type SecureAnswer, type SecureResolver } from '../protocol/dns/resolver.ts';
import { TYPE } from '../protocol/dns/rr/table.ts';
import { WireReader } from '../protocol/dns/wire.ts';
import { askOverUdp, openDnsStream, randomId } from './dns-client.ts';
import { Gate } from './gate.ts';

export interface SecureResolverOptions {
  /** In this order. */
  readonly servers: readonly Endpoint[];
  /** What they say of DNSSEC is believed. */
  readonly isTrusted: boolean;
  /** After each try of one server, ms. */
  readonly waits?: readonly number[];
}

/** RFC 9715: what is not fragmented anywhere. */
const UDP_SIZE = 1232;
const MOST_OCTETS = 65_537;
const CONCURRENT = 50;
const LONGEST_CHAIN = 8;

/** `192.0.2.1`, `192.0.2.1:5353`, `2001:db8::1`, `[2001:db8::1]:53`, as Node writes them. */
export function endpointOf(text: string): Endpoint {
  const [, address = text, port = '53'] = /^\[(.*)\]:(\d+)$/.exec(text) ?? /^([^:]*):(\d+)$/.exec(text) ?? [];
  return { address, port: Number(port) };
}

export class ValidatedAnswers implements SecureResolver {
  readonly #options: SecureResolverOptions;
  readonly #gate = new Gate(CONCURRENT);
  readonly #ending = new AbortController();

  constructor(options: SecureResolverOptions) {
    this.#options = options;
  }

  get isTrusted(): boolean {
    return this.#options.isTrusted;
  }

  ask(name: string, type: number): Promise<SecureAnswer> {
    return this.#gate.run(() => this.#ask(name, type));
  }

  close(): void {
    this.#ending.abort();
  }

  async #ask(name: string, type: number): Promise<SecureAnswer> {
    const asked = nameKey(parseName(name));
    for (const server of this.#options.servers) {
      const answer = await this.#askServer(server, asked, type).catch(() => null);
      if (answer === null) continue;
      if (answer.rcode !== RCODE.NOERROR && answer.rcode !== RCODE.NXDOMAIN) continue;
      return { ...found(answer, asked, type), isSecure: answer.ad && this.isTrusted };
    }
    throw new ResolveError('tempfail', `${name}: no name server gave a valid answer`);
  }

  /** Null: no answer. */
  async #askServer(server: Endpoint, name: DomainName, type: number): Promise<Message | null> {
    const query = queryFor(name, type);
    const { waits = [2_000, 3_000] } = this.#options;
    const { signal } = this.#ending;
    const answer = await askOverUdp(server, query, { waits, signal });
    if (answer === null || !isAbout(answer, name, type)) return null;
    if (!answer.tc) return answer;
    const stream = await openDnsStream(server, { timeout: Math.max(...waits), maxOctets: MOST_OCTETS, signal });
    try {
      stream.send(query);
      const whole = await stream.receive();
      return whole.id === query.id && isAbout(whole, name, type) ? whole : null;
    } finally {
      stream.close();
    }
  }
}

/** AD in a question asks for AD in the answer (RFC 6840 section 5.7). */
const queryFor = (name: DomainName, type: number): Message => ({
  id: randomId(),
  qr: false,
  opcode: OPCODE.QUERY,
  aa: false,
  tc: false,
  rd: true,
  ra: false,
  ad: true,
  cd: false,
  rcode: RCODE.NOERROR,
  questions: [{ name, type, class: CLASS.IN }],
  answers: [],
  authorities: [],
  additionals: [],
  edns: { size: UDP_SIZE, version: 0, dnssecOk: false },
});

const isAbout = ({ questions: [question] }: Message, name: DomainName, type: number): boolean =>
  question !== undefined && nameKey(question.name) === name && question.type === type && question.class === CLASS.IN;

function found({ answers }: Message, asked: DomainName, type: number): Omit<SecureAnswer, 'isSecure'> {
  let name = asked;
  for (let i = 0; i < LONGEST_CHAIN; i += 1) {
    const records = answers.filter((record) => nameKey(record.name) === name && record.type === type);
    const alias = answers.find((record) => nameKey(record.name) === name && record.type === TYPE.CNAME);
    if (records.length > 0 || alias === undefined)
      return { records: records.map(({ rdata }) => rdata), name: withoutFinalDot(name) };
    name = nameKey(new WireReader(alias.rdata).name());
  }
  throw new ResolveError('tempfail', `${asked}: more than ${LONGEST_CHAIN} CNAME records in a chain`);
}
