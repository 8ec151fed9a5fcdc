/** Strangers are asked to come again: most programs that send spam do not (README.md). */
import {
  type Connection,
  definePlugin,
  denySoft,
  NEXT,
  noteKey,
  reply,
  setting,
  type Verdict,
} from '../../src/bus/plugin.ts';
import { trustedClients } from '../../src/lookup/trusted-clients.ts';
import { type Address, addressKey, localPart } from '../../src/mail/address.ts';
import { addressSet } from '../../src/mail/address-set.ts';
import { Memory } from './memory.ts';
import { networkOf, tripletKey } from './triplet.ts';

/** Of a connection: true where another plugin finds it suspect (`only_suspects`). */
const SUSPECT = noteKey<boolean>('greylist.suspect');
const HOUR = 3_600;
const DAY = 24 * HOUR;

export default definePlugin({
  name: 'greylist',
  // Without it, mail is only taken earlier.
  onError: 'pass',
  config: {
    delay: setting.duration({ default: 300, min: 1, max: DAY }),
    retry_window: setting.duration({ default: 2 * DAY, min: 60, max: 30 * DAY }),
    life: setting.duration({ default: 35 * DAY, min: HOUR, max: 400 * DAY }),
    client_after: setting.number({ default: 5, min: 0, max: 1000, whole: true }),
    clients: setting.list(setting.text(), { default: [] }),
    recipients: setting.list(setting.text(), { default: ['postmaster@', 'abuse@'] }),
    only_suspects: setting.boolean({ default: false }),
    ipv4_prefix: setting.number({ default: 24, min: 8, max: 32, whole: true }),
    ipv6_prefix: setting.number({ default: 64, min: 16, max: 128, whole: true }),
    text: setting.text({ default: 'Greylisted, try again later' }),
  },
  register(server) {
    const { config } = server;
    if (config.retry_window <= config.delay)
      throw new Error('retry_window must be longer than delay, or no repetition is ever in time');
    const memory = new Memory(server, {
      delay: config.delay,
      retryWindow: config.retry_window,
      life: config.life,
      clientAfter: config.client_after,
    });
    const isTrusted = trustedClients(server, config.clients);
    const isFree = addressSet(config.recipients);
    const counted = server.metrics.counter('recipients_total', 'Recipients by what was decided.', ['result']);

    const mayPass = async (connection: Connection): Promise<boolean> =>
      (config.only_suspects && connection.notes.get(SUSPECT) !== true) || (await isTrusted(connection));

    /** Whether a recipient has to wait. */
    const waits = async (connection: Connection, sender: Address, recipient: Address): Promise<boolean> => {
      if (isFree(recipient) || (await mayPass(connection))) {
        counted.count('exempt');
        return false;
      }
      const network = networkOf(connection.remote.ip, { ipv4: config.ipv4_prefix, ipv6: config.ipv6_prefix });
      const judgement = await memory.judge(tripletKey(network, sender, recipient), network);
      counted.count(judgement.result);
      if (judgement.result === 'passed')
        server.log.info(
          { session: connection.id, network, sender, recipient, seconds: judgement.seconds },
          `from=<${sender}>, to=<${recipient}>: came again after ${judgement.seconds} s`,
        );
      return judgement.result === 'deferred';
    };
    const refusal = (what: string): Verdict => denySoft(reply(450, '4.2.0', `${what} rejected: ${config.text}`));

    // Everybody else has accepted the recipient: nothing is remembered of what is refused anyway.
    server.on('rcpt_ok', async ({ connection, recipient }) => {
      const sender = connection.transaction?.reversePath ?? '';
      if (isProbe(sender) || !(await waits(connection, sender, recipient.address))) return NEXT;
      return refusal(`<${recipient.original}>: Recipient address`);
    });
    server.on('data', async ({ connection }) => {
      const { transaction } = connection;
      if (transaction === null || !isProbe(transaction.reversePath)) return NEXT;
      let isWaiting = false;
      for (const { address } of transaction.recipients)
        if (await waits(connection, transaction.reversePath, address)) isWaiting = true;
      return isWaiting ? refusal('<DATA>: Data command') : NEXT;
    });
  },
});

/**
 * A server that asks whether an address exists goes no further than RCPT, and needs the answer now: the null sender,
 * and that of Postfix (double_bounce_sender).
 */
const isProbe = (sender: Address): boolean => sender === '' || localPart(addressKey(sender)) === 'double-bounce';
