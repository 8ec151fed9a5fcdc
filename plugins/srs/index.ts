/** The Sender Rewriting Scheme: mail that our addresses forward keeps to SPF, and its bounces find the sender (README.md). */
import { join } from 'node:path';
import {
  definePlugin,
  deny,
  type HookArguments,
  NEXT,
  OK,
  reply,
  setting,
  type Verdict,
} from '../../src/bus/plugin.ts';
import { isHere } from '../../src/lookup/domains.ts';
import { SecretFile } from '../../src/lookup/secret-file.ts';
import { type Address, domainOf } from '../../src/mail/address.ts';
import { isHostName } from '../../src/mail/host-name.ts';
import { type Decoded, decode, encode, isSrs } from './address.ts';

const DAY = 86_400;
/** RFC 5321 section 4.5.3.1.3: a path's 256 octets without its angle brackets. */
const LONGEST = 254;
const FAULTS = {
  forged: 'This SRS address was not made here, or is damaged',
  expired: 'This SRS address has expired',
} as const;

export default definePlugin({
  name: 'srs',
  stateless: true,
  // Tables must not take the rewritten address for one of a user.
  before: ['rewriting'],
  config: {
    domain: setting.optional(setting.text({ pattern: /^[\w.-]+\.[\w-]+$/, expected: 'a domain' })),
    secret_file: setting.optional(setting.text()),
    hash_length: setting.number({ default: 4, min: 4, max: 20, whole: true }),
    life: setting.duration({ default: 21 * DAY, min: DAY, max: 365 * DAY }),
    except: setting.list(setting.text(), { default: [] }),
    accept: setting.oneOf(['bounces', 'all'], { default: 'bounces' }),
  },
  register(server) {
    const { config, parameters, domains } = server;
    const domain = (config.domain ?? parameters.string('myorigin')).toLowerCase();
    if (!isHostName(domain)) throw new Error(`domain: ${domain} is no domain to which bounces can come`);
    const rules = { domain, hashLength: config.hash_length, days: Math.floor(config.life / DAY) };
    const file = join(parameters.string('data_directory'), 'srs.secret');
    const secrets = new SecretFile(config.secret_file === undefined ? file : server.resolvePath(config.secret_file));
    const except = new Set(config.except.map((name) => name.toLowerCase()));
    const counted = server.metrics.counter('addresses_total', 'Addresses by what became of them.', ['result']);

    const decoded = (address: Address): Decoded => decode(address, secrets.accepted(), server.clock(), rules);
    const returned = async (address: Address): Promise<Decoded | null> =>
      isSrs(address) && (await isHere(domains, address)) ? decoded(address) : null;

    /** One of our addresses has led to another server. */
    async function isForwarded({ recipients, originals }: HookArguments['send_email']): Promise<boolean> {
      for (const [i, recipient] of recipients.entries()) {
        const original = originals[i] ?? '';
        if (original === '' || (await domains.classify(domainOf(original))) === 'default') continue;
        if ((await domains.classify(domainOf(recipient))) === 'default') return true;
      }
      return false;
    }

    let isTold = false;
    /** Without it, bounces would be lost. */
    async function takesBounces(): Promise<boolean> {
      if (await isHere(domains, `@${domain}`)) return true;
      if (!isTold)
        server.log.warn(
          { domain },
          `${domain} is none of our domains, so no bounce would come back: no sender is rewritten; set "domain" in the configuration of srs`,
        );
      isTold = true;
      return false;
    }

    server.on('send_email', async (attempt) => {
      const { queueId, reversePath } = attempt;
      const from = domainOf(reversePath);
      if (
        from === '' ||
        except.has(from) ||
        (await isHere(domains, reversePath)) ||
        !(await isForwarded(attempt)) ||
        !(await takesBounces())
      )
        return NEXT;
      const rewritten = encode(reversePath, secrets.signing(), server.clock(), rules);
      if (rewritten === null || Buffer.byteLength(rewritten) > LONGEST) {
        counted.count('unfit');
        server.log.info(
          { queueId },
          `${queueId}: the sender is not rewritten: its address is too long, or cannot be part of another`,
        );
        return NEXT;
      }
      counted.count('rewritten');
      server.log.info({ queueId, from: rewritten }, `${queueId}: sent on from=<${rewritten}>`);
      attempt.reversePath = rewritten;
      return NEXT;
    });

    server.on('rcpt', async ({ connection, recipient }): Promise<Verdict> => {
      const found = await returned(recipient.address);
      if (found === null) return NEXT;
      const refuse = (enhanced: string, text: string): Verdict =>
        deny(reply(550, enhanced, `<${recipient.original}>: Recipient address rejected: ${text}`));
      if ('fault' in found) {
        counted.count(found.fault);
        return refuse('5.1.1', FAULTS[found.fault]);
      }
      if (config.accept === 'bounces' && connection.transaction?.reversePath !== '') {
        counted.count('no bounce');
        return refuse('5.7.1', 'This SRS address takes bounces only');
      }
      counted.count('returned');
      return NEXT;
    });
    server.on('recipient_exists', async ({ address }) => {
      const found = await returned(address);
      return found !== null && 'address' in found ? OK : NEXT;
    });
    server.on('expand', async ({ recipient, into }) => {
      const found = await returned(recipient.address);
      if (found === null || 'fault' in found) return NEXT;
      into.push({ ...recipient, address: found.address, onCircle: 'refuse' });
      return OK;
    });
  },
});
