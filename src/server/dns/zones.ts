/** The zones of a server, each with its access rules for queries and transfers; found by longest match. */

import type { HookArguments } from '../../bus/hook.ts';
import { type AddressMatch, type LocalNetworks, matches } from '../../protocol/dns/address-match.ts';
import { type Answer, type AnswerOptions, answerFrom } from '../../protocol/dns/answer.ts';
import type { Endpoint } from '../../protocol/dns/endpoint.ts';
import { CLASS, type DnsQuestion, RCODE } from '../../protocol/dns/message.ts';
import { type DomainName, nameKey, parentName } from '../../protocol/dns/name.ts';
import { isQuestionType, TYPE } from '../../protocol/dns/rr/table.ts';
import { cutAbove, type Zone } from '../../protocol/dns/zone.ts';
import type { ZoneChecks } from '../../protocol/dns/zone-check.ts';

/** A zone as configured (config/named/named-conf.ts gives it in this shape). */
export interface ZoneOptions {
  /** Absolute, in lower case. */
  readonly name: DomainName;
  readonly kind: 'primary' | 'secondary';
  /** The master file of a primary, or the copy that a secondary keeps. */
  readonly file: string | null;
  readonly primaries: readonly Endpoint[];
  readonly allowTransfer: AddressMatch;
  readonly allowQuery: AddressMatch;
  readonly alsoNotify: readonly Endpoint[];
  readonly notify: boolean;
  /** Whether answers may continue into another of our zones (BIND: recursion). */
  readonly recursion: boolean;
  /** How strictly its file is checked; if absent, as named-checkzone does. */
  readonly checks?: ZoneChecks;
  /** Where it is configured, for errors without a position in its file. */
  readonly place?: { readonly file: string; readonly line: number };
}

export interface ServedZone {
  readonly options: ZoneOptions;
  /** Null if the file of a primary has errors, or a secondary has not been transferred or has expired: SERVFAIL. */
  readonly zone: Zone | null;
}

type ZonePlace = NonNullable<HookArguments['dns_query']['zone']>;

export class ZoneTable {
  #zones = new Map<string, ServedZone>();
  readonly #local: LocalNetworks;
  readonly #onChange: () => void;

  /** `onChange` is called after every change, because prepared answers are then outdated. */
  constructor(local: LocalNetworks, onChange: () => void) {
    this.#local = local;
    this.#onChange = onChange;
  }

  replace(zones: readonly ServedZone[]): void {
    this.#zones = new Map(zones.map((served) => [nameKey(served.options.name), served]));
    this.#onChange();
  }

  /** Replaces the content of a zone; has no effect if a reload removed the zone. */
  update(options: ZoneOptions, zone: Zone | null): void {
    if (this.#zones.get(options.name)?.options !== options) return;
    this.#zones.set(options.name, { options, zone });
    this.#onChange();
  }

  list(): readonly ServedZone[] {
    return [...this.#zones.values()];
  }

  exact(key: string): ServedZone | null {
    return this.#zones.get(key) ?? null;
  }

  /** The zone that contains a name; for DS the parent zone, if it is ours too (RFC 4035 section 3.1.4.1). */
  find(key: string, type: number): ServedZone | null {
    let own: ServedZone | null = null;
    for (let at = key; ; at = parentName(at)) {
      const found = this.#zones.get(at);
      if (found !== undefined && !(type === TYPE.DS && at === key)) return found;
      own ??= found ?? null;
      // For a zone without content, do not answer DS from the parent (BIND).
      if (at === '.') return own?.zone === null ? null : own;
    }
  }

  /** What a zone of ours says about a name; null: it is in none, or in one without content. */
  placeOf({ name, type }: Pick<DnsQuestion, 'name' | 'type'>): ZonePlace | null {
    const key = nameKey(name);
    const zone = this.find(key, type)?.zone ?? null;
    if (zone === null) return null;
    const node = zone.nodes.get(key);
    const hasName = (node !== undefined && node.sets.size > 0) || cutAbove(zone, key, type) !== null;
    return { name: zone.origin, hasName, isSigned: zone.chain !== null };
  }

  mayQuery(served: ServedZone, ip: string): boolean {
    return matches(served.options.allowQuery, ip, this.#local);
  }

  mayTransfer(served: ServedZone, ip: string): boolean {
    return matches(served.options.allowTransfer, ip, this.#local);
  }

  /** For a zone that contains the question's name. */
  answer(zone: Zone, question: DnsQuestion, options: Omit<AnswerOptions, 'zoneOf'>): Answer {
    return answerFrom(zone, question, { ...options, zoneOf: (key) => this.find(key, TYPE.A)?.zone ?? null });
  }

  /**
   * Answers from our zones for our own resolver (requirement B6): null if the name is not in our zones or is delegated
   * away, SERVFAIL if its zone currently has no content.
   */
  resolve(question: DnsQuestion): Answer | null {
    if (question.class !== CLASS.IN || isQuestionType(question.type)) return null;
    const served = this.find(nameKey(question.name), question.type);
    if (served === null) return null;
    if (served.zone === null)
      return { rcode: RCODE.SERVFAIL, authoritative: false, answers: [], authorities: [], additionals: [], glue: 0 };
    const answer = this.answer(served.zone, question, { recursionDesired: true, recursion: true, dnssecOk: false });
    return answer.authoritative ? answer : null;
  }
}
