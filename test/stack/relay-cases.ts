/**
 * Random configurations for relay.test.ts: lists, classes, tables, networks, and a plugin that misbehaves at any hook.
 */
import fc from 'fast-check';

/** The answer of the plugin at each hook in this case; read at every call. */
type Chaos = Readonly<Record<string, string>>;
export const shared = globalThis as { posthornChaos?: Chaos };

export const PLUGIN = `import { definePlugin } from 'posthorn/plugin';
const ANSWERS = {
  next: () => ({ code: 'NEXT' }),
  ok: () => ({ code: 'OK' }),
  claim: () => ({ code: 'OK', relay: { smtpd_relay_restrictions: 'permit_mynetworks', smtpd_recipient_restrictions: 'permit' } }),
  junk: () => ({ code: 'OK', relay: 'everything' }),
  deny: () => ({ code: 'DENY' }),
  throws: () => { throw new Error('chaos'); },
  rejects: async () => { throw new Error('chaos'); },
  later: async () => ({ code: 'OK' }),
};
export default definePlugin({ name: 'chaos', onError: 'pass', register(server) {
  for (const hook of ['connect', 'helo', 'mail', 'rcpt', 'data', 'data_post', 'queue', 'expand', 'vrfy'])
    server.on(hook, () => ANSWERS[globalThis.posthornChaos?.[hook] ?? 'next']());
  server.defineRestriction('plugin_permits', { check: () => ({ kind: 'permit', relay: 'list' }) });
  server.defineRestriction('plugin_permits_with', { takesArgument: true, check: () => ({ kind: 'permit', relay: 'client' }) });
  server.defineRestriction('plugin_permits_ours', { check: () => ({ kind: 'permit', relay: 'no' }) });
  server.defineRestriction('plugin_dunno', { check: async () => ({ kind: 'dunno' }) });
  server.defineRestriction('plugin_throws', { check: () => { throw new Error('chaos'); } });
} });
`;

export const CLIENTS = { stranger: '127.9.9.9', friend: '127.9.8.8', gateway: '127.7.0.1', home: '127.0.5.1' } as const;
export const SENDER = 'a@evil.test';
export const HELO = 'client.example';
export const RECIPIENT = 'x@far.test';

const value = fc.constantFrom(
  'OK',
  'REJECT',
  'DUNNO',
  'one',
  'permit_mynetworks',
  'reject_unauth_destination',
  'permit',
);
const key: Readonly<Record<string, fc.Arbitrary<string>>> = {
  check_client_access: fc.constantFrom(CLIENTS.friend, CLIENTS.gateway, CLIENTS.stranger),
  check_sender_access: fc.constantFrom(SENDER, 'b@evil.test'),
  check_helo_access: fc.constantFrom(HELO, 'other.example'),
  check_recipient_access: fc.constantFrom(RECIPIENT, 'y@far.test'),
};
const table = fc.constantFrom(...Object.keys(key)).chain((name) =>
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.tuple(key[name] ?? fc.constant(''), value).map(([k, v]) => `${name} inline:{${k}=${v}}`),
    },
    { weight: 1, arbitrary: fc.constantFrom('OK', 'DUNNO', 'REJECT').map((v) => `${name} static:${v}`) },
  ),
);
const refusing = fc.constantFrom(
  'reject_unauth_destination',
  'defer_unauth_destination',
  'reject',
  'defer',
  'defer_if_permit',
);
const word = fc.oneof(
  { weight: 3, arbitrary: table },
  { weight: 2, arbitrary: refusing },
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      'permit_mynetworks',
      'permit_sasl_authenticated',
      'permit_auth_destination',
      'permit',
      'plugin_dunno',
      'plugin_permits',
      'plugin_permits_with permit',
      'plugin_permits_with reject',
      'plugin_permits_ours',
      'plugin_throws',
      'one',
      'two',
    ),
  },
);
const item = fc.oneof({ weight: 5, arbitrary: word }, { weight: 1, arbitrary: word.map((w) => `warn_if_reject ${w}`) });
const list = fc.array(item, { maxLength: 4 });
/** As administrators write them: most lists end with a rule that refuses strangers. */
const closed = fc
  .tuple(list, fc.option(refusing, { freq: 4, nil: undefined }))
  .map(([items, end]) => (end === undefined ? items : [...items, end]));
const answers = fc.constantFrom('next', 'next', 'next', 'ok', 'later', 'claim', 'junk', 'deny', 'throws', 'rejects');
const chaos = fc.oneof(
  { weight: 2, arbitrary: fc.constant<Chaos>({}) },
  {
    weight: 1,
    arbitrary: fc.record<Chaos>(
      {
        connect: answers,
        helo: answers,
        mail: answers,
        rcpt: answers,
        data: answers,
        data_post: answers,
        queue: answers,
        expand: answers,
        vrfy: answers,
      },
      { requiredKeys: [] },
    ),
  },
);
const NETWORKS = [
  ['127.0.5.0/24', ['home']],
  ['127.0.5.1/32 127.7.0.1/32', ['home', 'gateway']],
  ['!127.7.0.1 127.7.0.0/16', []],
  ['cidr:{{127.0.5.0/24 x}}', ['home']],
  ['0.0.0.0/0', null],
  ['0.0.0.0/1 128.0.0.0/1', null],
  ['static:all', null],
] as const;

export const configuration = fc.record({
  relay: closed,
  recipient: closed,
  one: list,
  two: list,
  networks: fc.oneof(
    { weight: 12, arbitrary: fc.constantFrom(...NETWORKS.slice(0, 4)) },
    { weight: 1, arbitrary: fc.constantFrom(...NETWORKS.slice(4)) },
  ),
  relayFirst: fc.boolean(),
  delayed: fc.boolean(),
  chaos,
});
