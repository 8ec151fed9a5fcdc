/**
 * Answers of an authoritative server (RFC 1034 section 4.3.2; RFC 2308 negative answers; RFC 4592
 * wildcards; RFC 6672 DNAME; RFC 4035 section 3.1 for signed zones), as BIND gives them. Pure.
 *
 * A CNAME that leads out of its zone is followed into our other zones only for clients that set RD and
 * are allowed recursion, since they will not ask again themselves. With `recursion no` nobody is.
 */

import { denial, signaturesOf } from './denial.ts';
import { CLASS, type DnsQuestion, RCODE, type RRset } from './message.ts';
import { type DomainName, isWithin, nameKey, nameLength } from './name.ts';
import { type Lead, recordType, TYPE } from './rr/table.ts';
import { WireReader, WireWriter } from './wire.ts';
import { BESIDE_CNAME, closestEncloser, cutAbove, recordTtl, type Zone } from './zone.ts';
import type { ZoneNode } from './zone-node.ts';

export interface Answer {
  readonly rcode: number;
  readonly authoritative: boolean;
  readonly answers: readonly RRset[];
  readonly authorities: readonly RRset[];
  readonly additionals: readonly RRset[];
  /** The first `glue` additional RRsets are glue that a referral needs. */
  readonly glue: number;
}

export interface AnswerOptions {
  /** RD: if set, BIND omits the authority section (minimal-responses no-auth-recursive). */
  readonly recursionDesired: boolean;
  /** A CNAME or DNAME may be followed into another zone if RD is set. */
  readonly recursion: boolean;
  /** DO: include signatures and proofs. */
  readonly dnssecOk: boolean;
  /** Our zone for a name, by key: the longest match. */
  readonly zoneOf: (key: string) => Zone | null;
}

/** CNAME and DNAME steps per answer; BIND allows 16. */
const MAX_CHAIN = 16;
const YXDOMAIN = 6;

/** `zone` is the one that contains the question's name. */
export function answerFrom(zone: Zone, question: DnsQuestion, options: AnswerOptions): Answer {
  return new Search(options).run(zone, question);
}

class Search {
  readonly #options: AnswerOptions;
  readonly #answers: RRset[] = [];
  readonly #authorities: RRset[] = [];
  readonly #additionals: RRset[] = [];
  /**
   * Types and names already in the answer and additional sections, to avoid duplicates. Created when the answer section
   * is complete.
   */
  #given: Set<string> | null = null;
  #glue = 0;
  #authoritative = true;
  #rcode: number = RCODE.NOERROR;

  constructor(options: AnswerOptions) {
    this.#options = options;
  }

  run(start: Zone, question: DnsQuestion): Answer {
    const visited = new Set<string>();
    let zone: Zone | null = start;
    let name: DomainName | null = question.name;
    for (let step = 0; name !== null && zone !== null && step <= MAX_CHAIN; step += 1) {
      const key = nameKey(name);
      // For a CNAME chain that loops or is too long, BIND answers with the records found and SERVFAIL.
      if (visited.has(key) || step === MAX_CHAIN) this.#rcode = RCODE.SERVFAIL;
      if (this.#rcode === RCODE.SERVFAIL) break;
      visited.add(key);
      name = this.#step(zone, name, key, question.type);
      if (name === null) break;
      const next = nameKey(name);
      const following = this.#options.zoneOf(next);
      zone = following === zone || (this.#options.recursion && this.#options.recursionDesired) ? following : null;
    }
    return {
      rcode: this.#rcode,
      authoritative: this.#authoritative,
      answers: this.#answers,
      authorities: this.#authorities,
      additionals: this.#additionals,
      glue: this.#glue,
    };
  }

  /** Looks up one name in one zone; returns the name to continue with, or null. */
  #step(zone: Zone, name: DomainName, key: string, type: number): DomainName | null {
    const cut = zone.cuts.size === 0 ? null : cutAbove(zone, key, type);
    if (cut !== null) {
      const dname = cut.sets.get(TYPE.DNAME);
      if (dname !== undefined && nameKey(cut.name) !== key) return this.#rename(zone, name, dname, type);
      if (cut !== zone.apex && cut.sets.has(TYPE.NS)) {
        this.#refer(zone, cut);
        return null;
      }
    }
    const node = zone.nodes.get(key);
    if (node !== undefined) return this.#found(zone, node, name, type, null);
    const encloser = closestEncloser(zone, key);
    const wildcard = zone.nodes.get(`*.${nameKey(encloser.name)}`);
    if (wildcard !== undefined) return this.#found(zone, wildcard, name, type, encloser);
    this.#rcode = RCODE.NXDOMAIN;
    // BIND (zero-no-soa-ttl): the negative answer to an SOA query must not be cached.
    this.#deny(zone, key, encloser, null, type === TYPE.SOA ? 0 : zone.soa.minimum);
    return null;
  }

  /** `encloser` is set if the node is a wildcard, whose records are returned under the name asked for. */
  #found(zone: Zone, node: ZoneNode, name: DomainName, type: number, encloser: ZoneNode | null): DomainName | null {
    const owned = (set: RRset): RRset => (encloser === null ? set : { ...set, name });
    const cname = node.sets.get(TYPE.CNAME);
    if (cname !== undefined && type !== TYPE.CNAME && type !== TYPE.ANY && !BESIDE_CNAME.has(type)) {
      this.#push(this.#answers, node, owned(cname));
      this.#proveWildcard(zone, name, encloser);
      return firstName(cname);
    }
    const sets = type === TYPE.ANY ? [...node.sets.values()] : [node.sets.get(type)].filter((set) => set !== undefined);
    if (sets.length === 0) {
      this.#deny(zone, nameKey(name), encloser ?? node, node, zone.soa.minimum);
      return null;
    }
    for (const set of sets) {
      if (set.type === TYPE.RRSIG)
        this.#answers.push(
          ...set.rdatas.map((rdata) => ({ ...owned(set), ttl: recordTtl(set, rdata), rdatas: [rdata] })),
        );
      else if (type === TYPE.ANY) this.#answers.push(owned(set));
      else this.#push(this.#answers, node, owned(set));
    }
    const listed = zone.apex === node && sets.some((set) => set.type === TYPE.NS);
    this.#proveWildcard(zone, name, encloser);
    // BIND adds nothing to ANY, which is long enough.
    if (type !== TYPE.ANY) for (const set of sets) this.#addAddresses(zone, set);
    // A DS record belongs to the parent zone; the child's name servers do not serve it.
    if (!listed && type !== TYPE.DS) this.#addNameServers(zone, type !== TYPE.ANY);
    return null;
  }

  /** Adds the zone's name servers, for resolvers that query further. */
  #addNameServers(zone: Zone, addresses: boolean): void {
    const ns = zone.apex.sets.get(TYPE.NS);
    if (ns === undefined || this.#options.recursionDesired) return;
    this.#push(this.#authorities, zone.apex, ns);
    if (addresses) this.#addAddresses(zone, ns);
  }

  /** Adds an RRset, with its signatures if requested. */
  #push(section: RRset[], node: ZoneNode, set: RRset): void {
    section.push(set);
    if (!this.#options.dnssecOk) return;
    const signatures = signaturesOf(node, set);
    if (signatures !== null) section.push(signatures);
  }

  /** Adds the SOA, whose TTL limits negative caching (RFC 2308 section 3). */
  #deny(zone: Zone, key: string, encloser: ZoneNode, node: ZoneNode | null, ttl: number): void {
    const soa = zone.apex.sets.get(TYPE.SOA);
    if (soa === undefined) return;
    this.#push(this.#authorities, zone.apex, { ...soa, ttl: Math.min(soa.ttl, ttl) });
    if (this.#options.dnssecOk) this.#prove(denial(zone, key, encloser, node));
  }

  #proveWildcard(zone: Zone, name: DomainName, encloser: ZoneNode | null): void {
    if (encloser !== null && this.#options.dnssecOk) this.#prove(denial(zone, nameKey(name), encloser, null, true));
  }

  #prove(nodes: readonly ZoneNode[]): void {
    for (const node of nodes) {
      const set = node.sets.get(TYPE.NSEC) ?? node.sets.get(TYPE.NSEC3);
      if (set !== undefined && !this.#authorities.includes(set)) this.#push(this.#authorities, node, set);
    }
  }

  /** A referral: the NS records of the cut and the addresses below it, without AA (RFC 1034 section 4.2.1). */
  #refer(zone: Zone, cut: ZoneNode): void {
    const ns = cut.sets.get(TYPE.NS);
    if (ns === undefined) return;
    if (this.#answers.length === 0) this.#authoritative = false;
    this.#authorities.push(ns);
    const ds = cut.sets.get(TYPE.DS);
    if (this.#options.dnssecOk && zone.chain !== null) {
      if (ds !== undefined) this.#push(this.#authorities, cut, ds);
      else this.#prove(denial(zone, nameKey(cut.name), cut, cut));
    }
    const inDomain = ns.rdatas.filter((rdata) => isWithin(nameKey(new WireReader(rdata).name()), nameKey(cut.name)));
    this.#addAddresses(zone, { ...ns, rdatas: inDomain }, true);
    this.#glue = this.#additionals.length;
    this.#addAddresses(zone, { ...ns, rdatas: ns.rdatas.filter((rdata) => !inDomain.includes(rdata)) }, true);
  }

  /** Adds records for the names in an RRset's data (RFC 1034 section 4.3.2 step 6). */
  #addAddresses(zone: Zone, set: RRset, glue = false, depth = 0): void {
    const follow = recordType(set.type)?.additional;
    if (follow === undefined) return;
    for (const rdata of set.rdatas) {
      const target = follow(new WireReader(rdata));
      if (target?.service !== undefined) {
        this.#addService(zone, set, target, depth);
        continue;
      }
      const key = nameKey(target?.name ?? '');
      if (target === null || !isWithin(key, zone.key)) continue;
      // Below a cut there is only glue: not authoritative, and (in BIND) the only additional data of a referral.
      const below = zone.cuts.size > 0 && cutAbove(zone, key, TYPE.A) !== null;
      if (below !== glue) continue;
      for (const type of target.types) this.#add(zone, target.name, type);
      // The client will connect there next and need its TLSA records (RFC 7672 section 2.2).
      if (set.type === TYPE.MX && zone.nodes.has(`_25._tcp.${key}`))
        this.#add(zone, `_25._tcp.${target.name}`, TYPE.TLSA);
    }
  }

  /**
   * Follows CNAMEs and aliases to the end of the chain, where the addresses are (RFC 9460 section 4.2, in BIND's
   * order).
   */
  #addService(zone: Zone, set: RRset, { name: target, types, service }: Lead, depth: number): void {
    const alias = service === 'alias';
    // An alias to the root means that the service does not exist.
    if (target === '.' && alias) return;
    let name = target === '.' ? set.name : target;
    for (let step = 0; ; step += 1) {
      if (!this.#mayAdd(zone, name) || depth + step >= MAX_CHAIN) return;
      const cname = target === '.' ? null : this.#add(zone, name, TYPE.CNAME);
      const next = cname === null ? null : firstName(cname);
      if (next === null) break;
      name = next;
    }
    const further = alias ? this.#add(zone, name, set.type) : null;
    if (further !== null) this.#addAddresses(zone, further, false, depth + 1);
    else for (const type of types) this.#add(zone, name, type);
  }

  /** Names in this zone that are not below a cut. */
  #mayAdd(zone: Zone, name: DomainName): boolean {
    const key = nameKey(name);
    return isWithin(key, zone.key) && (zone.cuts.size === 0 || cutAbove(zone, key, TYPE.A) === null);
  }

  /** A wildcard's addresses are returned under the name that led to it. Null if the name has none of the type. */
  #add(zone: Zone, name: DomainName, type: number): RRset | null {
    const key = nameKey(name);
    const own = zone.nodes.get(key);
    const node = own ?? zone.nodes.get(`*.${nameKey(closestEncloser(zone, key).name)}`);
    const found = node?.sets.get(type);
    if (node === undefined || found === undefined) return null;
    const set = own === undefined ? { ...found, name } : found;
    this.#given ??= new Set(this.#answers.map(({ name: answered, type: of }) => `${of} ${nameKey(answered)}`));
    if (this.#given.has(`${type} ${key}`)) return set;
    this.#given.add(`${type} ${key}`);
    this.#push(this.#additionals, node, set);
    if (type === TYPE.SRV) this.#addAddresses(zone, set);
    return set;
  }

  /** DNAME: the record, and the CNAME synthesized from it (RFC 6672 section 3.1). */
  #rename(zone: Zone, name: DomainName, dname: RRset, type: number): DomainName | null {
    const owner = zone.nodes.get(nameKey(dname.name));
    if (owner === undefined) return null;
    this.#push(this.#answers, owner, dname);
    const target = firstName(dname);
    const prefix = name.slice(0, name.length - dname.name.length);
    const renamed = target === '.' ? prefix : prefix + target;
    if (nameLength(renamed) > 255) {
      this.#rcode = YXDOMAIN;
      return null;
    }
    const rdata = new WireWriter(255, 255);
    rdata.name(renamed);
    this.#answers.push({
      name,
      type: TYPE.CNAME,
      class: CLASS.IN,
      ttl: dname.ttl,
      rdatas: [Buffer.from(rdata.finish())],
    });
    // For these types the synthesized record itself is the answer.
    if (type !== TYPE.CNAME && type !== TYPE.ANY) return renamed;
    this.#addNameServers(zone, type !== TYPE.ANY);
    return null;
  }
}

const firstName = (set: RRset): DomainName | null => {
  const rdata = set.rdatas[0];
  return rdata === undefined ? null : new WireReader(rdata).name();
};
