/** MTA-STS (RFC 8461): what other domains want is found, kept, and obeyed. */
import { afterEach, describe, expect, it } from 'vitest';
import { StsPolicies } from '../../../src/delivery/client/mta-sts.ts';
import type { Answered } from '../../../src/net/http-client.ts';
import type { StsPolicy } from '../../../src/protocol/mta-sts.ts';
import { recordLog } from '../../kit/log.ts';
import { type DnsRecords, resolverOf } from '../../kit/resolver.ts';
import { secureResolverOf } from '../../kit/secure-resolver.ts';
import { memoryStates } from '../../kit/states.ts';
import { openHouse, type TestHouse, tablesOf } from '../house.ts';
import { certificates } from './certificates.ts';
import { openSink, type Sink } from './sink.ts';

const ENFORCE = 'version: STSv1\nmode: enforce\nmx: mail.qq.com\nmax_age: 604800\n';
const RECORD = 'txt _mta-sts.qq.com';
const DAY = 86_400_000;

interface World {
  readonly policies: StsPolicies;
  readonly dns: Record<string, readonly string[] | 'tempfail'>;
  readonly fetched: string[];
  readonly lines: readonly string[];
  readonly time: { now: number };
  answer: Answered | Error;
  /** As after a restart. */
  again(): StsPolicies;
}

function world(text = ENFORCE): World {
  const { log, lines } = recordLog();
  const dns: Record<string, readonly string[] | 'tempfail'> = { [RECORD]: ['v=STSv1; id=1'] };
  const time = { now: 1_000_000 };
  const states = memoryStates();
  const fetched: string[] = [];
  const make = (): StsPolicies =>
    new StsPolicies({
      resolver: resolverOf(dns as DnsRecords),
      send: async ({ url }) => {
        fetched.push(url);
        if (at.answer instanceof Error) throw at.answer;
        return at.answer;
      },
      states,
      clock: () => time.now,
      log,
    });
  const at: World = {
    policies: make(),
    ...{ dns, fetched, lines, time },
    answer: { status: 200, headers: { 'content-type': 'text/plain; charset=utf-8' }, body: Buffer.from(text) },
    again: make,
  };
  return at;
}

const modeOf = async (policies: StsPolicies): Promise<string | null> =>
  (await policies.policyOf('qq.com'))?.mode ?? null;

describe('T1: MTA-STS policies of other domains', () => {
  it('are fetched once for all who ask, and kept over a restart until they expire', async () => {
    const at = world();
    expect(await Promise.all([modeOf(at.policies), modeOf(at.policies)])).toEqual(['enforce', 'enforce']);
    expect(at.fetched).toEqual(['https://mta-sts.qq.com/.well-known/mta-sts.txt']);
    at.answer = new Error('nobody there');
    at.time.now += 6 * DAY;
    const again = at.again();
    expect(await modeOf(again)).toBe('enforce');
    // Neither DNS nor HTTPS takes it away before its time.
    at.dns[RECORD] = 'tempfail';
    at.time.now += 10 * 60_000;
    expect(await modeOf(again)).toBe('enforce');
    at.time.now += DAY;
    expect(await modeOf(again)).toBe(null);
    expect(at.fetched).toHaveLength(1);
  });

  it('change with the id of the record; until a new one is fetched the one before counts', async () => {
    const at = world();
    expect(await modeOf(at.policies)).toBe('enforce');
    at.dns[RECORD] = ['v=STSv1; id=2'];
    at.answer = new Error('nobody there');
    at.time.now += 10 * 60_000;
    expect(await modeOf(at.policies)).toBe('enforce');
    expect(at.lines.join('\n')).toContain(
      'MTA-STS policy of qq.com cannot be used: nobody there; the one before counts',
    );
    at.answer = {
      status: 200,
      headers: { 'content-type': 'text/plain' },
      body: Buffer.from(ENFORCE.replace('enforce', 'testing')),
    };
    expect(await modeOf(at.policies)).toBe('enforce');
    at.time.now += 10 * 60_000;
    expect(await modeOf(at.policies)).toBe('testing');
  });

  it.each<[string, Partial<Answered> | Error | null]>([
    ['without a record', null],
    ['with a redirect', { status: 301 }],
    ['that is a page', { headers: { 'content-type': 'text/html' } }],
    ['that is none', { body: Buffer.from('x') }],
    ['that cannot be fetched', new Error('certificate has expired')],
  ])('one %s is none, and is not asked for with each message', async (_what, change) => {
    const at = world();
    if (change === null) at.dns[RECORD] = [];
    else at.answer = change instanceof Error ? change : { ...(at.answer as Answered), ...change };
    expect(await modeOf(at.policies)).toBe(null);
    const before = at.fetched.length;
    expect(await modeOf(at.policies)).toBe(null);
    expect(at.fetched).toHaveLength(before);
  });
});

let house: TestHouse | null = null;
let sink: Sink | null = null;
afterEach(async () => {
  await house?.stop();
  await sink?.close();
});

describe('T1: mail for a domain with an MTA-STS policy', () => {
  const policy = (mode: StsPolicy['mode'], mx = 'mail.qq.com'): StsPolicy => ({ mode, mx: [mx], maxAge: 1 });
  const PLAIN = { disabledCommands: ['AUTH', 'STARTTLS'] };

  it.each<[string, StsPolicy, { readonly host?: string; readonly more?: object; readonly settings?: object }, string]>([
    ['goes to a host with a good certificate', policy('enforce'), {}, 'sent, Verified'],
    [
      'goes to no host with another name',
      policy('enforce'),
      { host: 'other.example' },
      'Server certificate not verified',
    ],
    [
      'goes to no host without TLS',
      policy('enforce'),
      { more: PLAIN },
      'TLS is required, but was not offered by host mail.qq.com[127.0.0.1]',
    ],
    [
      'goes to no host that it does not name',
      policy('enforce', 'mx.qq.com'),
      {},
      'MX host mail.qq.com is not in the MTA-STS policy of qq.com',
    ],
    ['goes as before while it is tested', policy('testing', 'mx.qq.com'), { host: 'other.example' }, 'sent, Untrusted'],
    ['goes as before where it says none', policy('none'), { more: PLAIN }, 'sent'],
    [
      'goes as smtp_tls_policy_maps say',
      policy('enforce'),
      { settings: { smtp_tls_policy_maps: 'x:p' }, more: PLAIN },
      'sent',
    ],
    [
      'goes as before without smtp_tls_mta_sts',
      policy('enforce'),
      { settings: { smtp_tls_mta_sts: 'no' }, more: PLAIN },
      'sent',
    ],
  ])('%s', async (_what, wanted, { host = 'mail.qq.com', more = {}, settings = {} }, expected) => {
    const { authority, chain, key } = await certificates(host);
    sink = await openSink({ disabledCommands: ['AUTH'], key, cert: chain, ...more });
    house = await openHouse({
      dns: { 'mx qq.com': ['10 mail.qq.com'], 'a mail.qq.com': ['127.0.0.1'] },
      smtpPort: sink.port,
      publicAuthorities: [authority],
      tables: tablesOf({ 'x:p': { 'qq.com': 'may' } }),
      secureResolver: secureResolverOf({}, false),
      sts: { policyOf: async (domain) => (domain === 'qq.com' ? wanted : null) },
      settings: { smtp_tls_security_level: 'may', smtp_tls_mta_sts: 'yes', smtp_tls_loglevel: '1', ...settings },
    });
    house.runner.start();
    await house.submit({ reversePath: 'maomao@baidu.com', to: ['lisi@qq.com'] }, 'Subject: x\r\n\r\nx\r\n');
    await house.runner.idle();
    const trust = /(\w+) TLS connection established/.exec(house.lines.join('\n'))?.[1];
    const [waiting] = await house.queue();
    expect(waiting?.lastReply?.text ?? ['sent', trust].filter(Boolean).join(', ')).toBe(expected);
    if (waiting !== undefined) expect(waiting.lastReply?.enhanced).toMatch(/^4\.7\.[45]$/);
    expect(sink.received).toHaveLength(waiting === undefined ? 1 : 0);
  });
});
