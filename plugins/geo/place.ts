/** What databases in MaxMind's format say of an address: those of MaxMind, DB-IP and IPinfo name it differently. */

/** Where a client is, as far as the databases know. */
export interface Place {
  /** ISO 3166-1, two letters in upper case. */
  readonly country: string | null;
  /** Of the autonomous system, which is the network's owner. */
  readonly asn: number | null;
  /** The name of that owner; '' if it is not known. */
  readonly organization: string;
}

export const NOWHERE: Place = { country: null, asn: null, organization: '' };

const COUNTRY = /^[A-Z]{2}$/;
const HIGHEST_ASN = 0xffff_ffff;
const LONGEST_NAME = 100;

type Fields = Readonly<Record<string, unknown>>;
const fieldsOf = (value: unknown): Fields => (typeof value === 'object' && value !== null ? (value as Fields) : {});

/** From the records of several databases: the first one that knows it counts. */
export function placeIn(records: readonly unknown[]): Place {
  const all = records.map(fieldsOf);
  return {
    country: firstOf(all.flatMap(countriesIn), countryOf),
    asn: firstOf(
      all.flatMap(({ autonomous_system_number, asn }) => [autonomous_system_number, asn]),
      asnOf,
    ),
    organization:
      firstOf(
        all.flatMap(({ autonomous_system_organization, as_name }) => [autonomous_system_organization, as_name]),
        nameOf,
      ) ?? '',
  };
}

const countriesIn = (record: Fields): unknown[] => [
  fieldsOf(record['country'])['iso_code'],
  record['country_code'],
  record['country'],
  // Where the network is registered, if nothing is known of where it is used.
  fieldsOf(record['registered_country'])['iso_code'],
];

function firstOf<T>(values: readonly unknown[], read: (value: unknown) => T | null): T | null {
  for (const value of values) {
    const found = read(value);
    if (found !== null) return found;
  }
  return null;
}

const countryOf = (value: unknown): string | null => {
  const code = typeof value === 'string' ? value.toUpperCase() : '';
  return COUNTRY.test(code) ? code : null;
};

const asnOf = (value: unknown): number | null => {
  const number =
    typeof value === 'string' && /^(?:AS)?\d{1,10}$/i.test(value) ? Number(value.replace(/^AS/i, '')) : value;
  return typeof number === 'number' && Number.isInteger(number) && number > 0 && number <= HIGHEST_ASN ? number : null;
};

const nameOf = (value: unknown): string | null =>
  typeof value === 'string' && value !== '' ? value.replace(/[^\x20-\x7e]/g, '?').slice(0, LONGEST_NAME) : null;

/** `CN AS4134 (CHINANET)`; `unknown` where nothing is known. */
export function placeWords({ country, asn, organization }: Place): string {
  const name = organization === '' ? '' : ` (${organization.replace(/[()]/g, ' ')})`;
  return `${country ?? 'unknown'}${asn === null ? '' : ` AS${asn}${name}`}`;
}
