/** Bounce Address Tag Validation: bounces of mail that we have not sent are known as such (README.md). */
import { join } from 'node:path';
import { definePlugin, deny, NEXT, OK, reply, setting, type Verdict } from '../../src/bus/plugin.ts';
import { isHere } from '../../src/lookup/domains.ts';
import { SecretFile } from '../../src/lookup/secret-file.ts';
import { trustedClients } from '../../src/lookup/trusted-clients.ts';
import { type Address, domainOf, localPart } from '../../src/mail/address.ts';
import { addressSet } from '../../src/mail/address-set.ts';
import { isTagged, tag, type Untagged, untag } from './tag.ts';

const DAY = 86_400;
/** RFC 5321 section 4.5.3.1.1: servers may refuse longer ones. */
const LONGEST_LOCAL = 64;
const FIELD = 'X-BATV-Status';
/** Of a transaction: a recipient whose address is not tagged. */
const UNTAGGED = 'batv.untagged';
const FAULTS = {
  forged: 'This address was not tagged here, or is damaged: the message that you return is not ours',
  expired: 'The tag of this address has expired',
} as const;

export default definePlugin({
  name: 'batv',
  stateless: true,
  // Tables must not take the tagged address for one of a user.
  before: ['rewriting'],
  config: {
    sender_domains: setting.list(setting.text(), { default: [] }),
    secret_file: setting.optional(setting.text()),
    life: setting.duration({ default: 7 * DAY, min: DAY, max: 100 * DAY }),
    untagged: setting.oneOf(['tag', 'reject'], { default: 'tag' }),
    except: setting.list(setting.text(), { default: ['postmaster@', 'abuse@'] }),
    clients: setting.list(setting.text(), { default: [] }),
  },
  register(server) {
    const { config, parameters, domains } = server;
    const file = join(parameters.string('data_directory'), 'batv.secret');
    const secrets = new SecretFile(config.secret_file === undefined ? file : server.resolvePath(config.secret_file));
    const days = Math.floor(config.life / DAY);
    const chosen = new Set(config.sender_domains.map((name) => name.toLowerCase()));
    const isExcepted = addressSet(config.except);
    const isTrusted = trustedClients(server, config.clients);
    const counted = server.metrics.counter('addresses_total', 'Addresses by what became of them.', ['result']);

    /** Of a domain that tags all its mail. */
    const isTagging = async (address: Address): Promise<boolean> => {
      const domain = domainOf(address);
      if (domain === '' || (chosen.size > 0 && !chosen.has(domain))) return false;
      return isHere(domains, address);
    };
    const untagged = async (address: Address): Promise<Untagged | null> =>
      isTagged(address) && (await isTagging(address)) ? untag(address, secrets.accepted(), server.clock(), days) : null;

    let isChecked = chosen.size === 0;
    async function checkDomains(): Promise<void> {
      isChecked = true;
      for (const domain of chosen)
        if (!(await isHere(domains, `@${domain}`)))
          server.log.warn(
            { domain },
            `sender_domains: ${domain} is none of our domains, so no bounce would come back: its mail is not tagged`,
          );
    }

    server.on('send_email', async (attempt) => {
      if (!isChecked) await checkDomains();
      const { queueId, reversePath } = attempt;
      if (isTagged(reversePath) || isExcepted(reversePath) || !(await isTagging(reversePath))) return NEXT;
      const tagged = tag(reversePath, secrets.signing(), server.clock(), days);
      if (localPart(tagged).length > LONGEST_LOCAL) {
        counted.count('too long');
        server.log.info(
          { queueId },
          `${queueId}: from=<${reversePath}> is too long to be tagged: its bounces are not known`,
        );
        return NEXT;
      }
      counted.count('tagged');
      attempt.reversePath = tagged;
      return NEXT;
    });

    server.on('rcpt', async ({ connection, recipient }): Promise<Verdict> => {
      const refuse = (enhanced: string, text: string): Verdict =>
        deny(reply(550, enhanced, `<${recipient.original}>: Recipient address rejected: ${text}`));
      const found = await untagged(recipient.address);
      if (found !== null) {
        counted.count('fault' in found ? found.fault : 'returned');
        return 'fault' in found ? refuse('5.1.1', FAULTS[found.fault]) : NEXT;
      }
      const { transaction } = connection;
      if (transaction?.reversePath !== '' || isExcepted(recipient.address) || !(await isTagging(recipient.address)))
        return NEXT;
      if (await isTrusted(connection)) return NEXT;
      counted.count('untagged');
      if (config.untagged === 'reject')
        return refuse('5.7.1', 'This address sends no mail without a tag: the message that you return is not ours');
      transaction.notes.set(UNTAGGED, true);
      return NEXT;
    });
    server.on('data_post', ({ transaction, change }) => {
      // A mark that the sender has set says nothing.
      if (transaction.header.get(FIELD) !== null) change.removeHeader(FIELD);
      if (transaction.notes.get(UNTAGGED) === true) change.addHeader(FIELD, 'untagged');
      return NEXT;
    });
    server.on('recipient_exists', async ({ address }) => {
      const found = await untagged(address);
      return found !== null && 'address' in found && (await domains.recipientExists(found.address)) ? OK : NEXT;
    });
    server.on('expand', async ({ recipient, into }) => {
      const found = await untagged(recipient.address);
      if (found === null || 'fault' in found) return NEXT;
      into.push({ ...recipient, address: found.address, onCircle: 'refuse' });
      return OK;
    });
  },
});
