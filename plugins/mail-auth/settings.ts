/** What plugins.d/mail-auth.* may say. */
import { setting } from '../../src/bus/plugin.ts';
import { mailboxName } from '../scanners/judging.ts';
import type { Method } from './results.ts';

/** From the mildest to the strictest. */
export const ACTIONS = ['none', 'tag', 'quarantine', 'defer', 'reject'] as const;
export type Action = (typeof ACTIONS)[number];

/**
 * Results that something can follow, in the order in which they are told, each with its default. `dmarc_reject`: it
 * failed, and the domain wants that refused.
 */
export const DEFAULTS = {
  dmarc_reject: 'tag',
  dmarc_quarantine: 'tag',
  dmarc_none: 'none',
  dmarc_permerror: 'tag',
  dmarc_temperror: 'none',
  spf_fail: 'tag',
  spf_softfail: 'none',
  spf_permerror: 'none',
  spf_temperror: 'none',
  helo_fail: 'tag',
  dkim_fail: 'tag',
  dkim_permerror: 'none',
  dkim_temperror: 'none',
  arc_fail: 'none',
  iprev_fail: 'none',
  iprev_temperror: 'none',
} as const satisfies Readonly<Record<string, Action>>;

export type Reason = keyof typeof DEFAULTS;
export const REASONS = Object.keys(DEFAULTS) as readonly Reason[];

const action = (fallback: Action) => setting.oneOf<Action>(ACTIONS, { default: fallback });
const optionalAction = () => setting.optional(setting.oneOf<Action>(ACTIONS));

const shapeOf = <T>(make: (reason: Reason) => T) =>
  Object.fromEntries(REASONS.map((reason) => [reason, make(reason)])) as Readonly<Record<Reason, T>>;

const METHODS: readonly Method[] = ['spf', 'dkim', 'dmarc', 'arc', 'iprev', 'bimi'];

export const SETTINGS = {
  authserv_id: setting.optional(
    setting.text({
      pattern: /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,252}[A-Za-z0-9])?$/,
      expected: 'a name such as mail.example.org',
    }),
  ),
  checks: setting.list<Method>(setting.oneOf(METHODS), { default: ['spf', 'dkim', 'dmarc', 'arc', 'iprev'] }),
  actions: setting.object(shapeOf((reason) => action(DEFAULTS[reason]))),
  for: setting.list(
    setting.object({
      recipients: setting.list(setting.text()),
      actions: setting.object(shapeOf(optionalAction)),
    }),
    { default: [], most: 1000 },
  ),
  clients: setting.list(setting.text(), { default: [] }),
  trusted_sealers: setting.list(setting.text(), { default: [] }),
  organizational_domain: setting.oneOf(['walk', 'list'], { default: 'walk' }),
  received_spf: setting.boolean({ default: false }),
  mailbox: mailboxName,
  // A call may take 30 s ("deadline").
  timeout: setting.duration({ default: 10, min: 1, max: 600 }),
  threads: setting.number({ default: 1, min: 1, max: 16, whole: true }),
};
