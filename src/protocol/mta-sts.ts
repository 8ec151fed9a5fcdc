/** MTA-STS (RFC 8461): the record that says that a domain has a policy, and the policy. */

export interface StsPolicy {
  readonly mode: 'enforce' | 'testing' | 'none';
  /** Names of MX hosts in lower case; `*.` stands for one label. */
  readonly mx: readonly string[];
  /** Seconds. */
  readonly maxAge: number;
}

/** RFC 8461 section 3.2: a year. */
const LONGEST_AGE = 31_557_600;
const MOST_MX = 100;
const MODES: readonly StsPolicy['mode'][] = ['enforce', 'testing', 'none'];
const PATTERN = /^(?:\*\.)?(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/** Of the TXT records at `_mta-sts.DOMAIN`; null where the domain has no policy (section 3.1). */
export function stsId(texts: readonly string[]): string | null {
  const records = texts.filter((text) => /^v=STSv1[ \t]*(?:;|$)/.test(text));
  const [record = ''] = records;
  if (records.length !== 1 || record.length > 1_000) return null;
  return /;[ \t]*id[ \t]*=[ \t]*([A-Za-z0-9]{1,32})[ \t]*(?:;|$)/.exec(record)?.[1] ?? null;
}

/** Throws an Error that says what is wrong. */
export function parseStsPolicy(text: string): StsPolicy {
  const fields = new Map<string, string>();
  const mx: string[] = [];
  for (const line of text.split(/\r?\n/)) {
    const [, name = '', value = ''] = /^[ \t]*([A-Za-z0-9_.-]{1,32})[ \t]*:[ \t]*(.*?)[ \t]*$/.exec(line) ?? [];
    if (name === 'mx') mx.push(value.toLowerCase().replace(/\.$/, ''));
    // Of a field that is there twice the first one counts.
    else if (name !== '' && !fields.has(name)) fields.set(name, value);
  }
  const mode = MODES.find((one) => one === fields.get('mode'));
  const age = fields.get('max_age') ?? '';
  if (fields.get('version') !== 'STSv1') throw new Error('its version is not STSv1');
  if (mode === undefined) throw new Error('its mode is not enforce, testing or none');
  if (!/^\d{1,10}$/.test(age)) throw new Error('its max_age is no number of seconds');
  if (mode !== 'none' && (mx.length === 0 || mx.length > MOST_MX || !mx.every((one) => PATTERN.test(one))))
    throw new Error('its mx lines are not names of hosts');
  return { mode, mx, maxAge: Math.min(Number(age), LONGEST_AGE) };
}

/** Whether the policy names the host (section 4.1). */
export function isStsHost(name: string, { mx }: Pick<StsPolicy, 'mx'>): boolean {
  const host = name.toLowerCase();
  const below = host.slice(host.indexOf('.') + 1);
  return mx.some((pattern) =>
    pattern.startsWith('*.') ? host.includes('.') && pattern.slice(2) === below : pattern === host,
  );
}
