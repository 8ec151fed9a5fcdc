/** A validating resolver without a network. */
import { ResolveError, type SecureAnswer, type SecureResolver } from '../../src/protocol/dns/resolver.ts';
import { TYPE } from '../../src/protocol/dns/rr/table.ts';
import { WireWriter } from '../../src/protocol/dns/wire.ts';

/**
 * Type and name to the data, as in `{ 'mx a.example': '10 mail.a.example', 'tlsa _25._tcp.mail.a.example': '3 1 1 ab' }`;
 * more records are separated by commas, `CNAME name; …` comes before those of another name. What begins with `!` is not
 * validated. A missing name has a validated answer without records; `forged` is none.
 */
export type SecureRecords = Readonly<Record<string, string>>;

export interface FakeSecureResolver extends SecureResolver {
  /** The questions so far. */
  readonly asked: string[];
}

const NAMES = new Map(Object.entries(TYPE).map(([name, number]) => [number as number, name.toLowerCase()]));

export function secureResolverOf(records: SecureRecords = {}, isTrusted = true): FakeSecureResolver {
  const asked: string[] = [];
  return {
    asked,
    isTrusted,
    async ask(name, type): Promise<SecureAnswer> {
      const question = `${NAMES.get(type)} ${name}`;
      asked.push(question);
      const text = records[question] ?? '';
      if (text === 'forged') throw new ResolveError('tempfail', 'SERVFAIL');
      const [, insecure, alias, data = ''] = /^(!?)(?:cname ([^;]*);)?(.*)$/.exec(text) ?? [];
      const found = data.split(',').filter((one) => one.trim() !== '');
      return {
        records: found.map((one) => rdataOf(type, one.trim().split(' '))),
        name: alias ?? name,
        isSecure: insecure === '',
      };
    },
  };
}

function rdataOf(type: number, words: readonly string[]): Uint8Array {
  const writer = new WireWriter(65_535);
  const [first = '', second = '', third = '', data = ''] = words;
  if (type === TYPE.MX) {
    writer.u16(Number(first));
    writer.name(`${second}.`, false);
  } else if (type === TYPE.TLSA) {
    for (const octet of [first, second, third]) writer.u8(Number(octet));
    writer.bytes(Buffer.from(data, 'hex'));
  } else writer.bytes(Buffer.from(first));
  return writer.finish();
}
