/**
 * The receiver of messages that do not exist: a real one, with a store that keeps nothing and a router that makes no
 * accounts.
 */
import type { Hypothetical } from '../../admin/explanation.ts';
import type { Connection } from '../../bus/hook.ts';
import { MessageReceiver } from '../../delivery/receive/message-receiver.ts';
import { makeTransaction } from '../../delivery/receive/transaction.ts';
import { createAccounts, wouldBe } from '../../delivery/route/accounts.ts';
import { createRouter } from '../../delivery/route/router.ts';
import type { Log } from '../../log.ts';
import { compileNetworks } from '../../lookup/network.ts';
import type { ParameterReader } from '../../lookup/parameters.ts';
import { qualify } from '../../mail/address.ts';
import type { Envelope } from '../../mail/envelope.ts';
import type { Reply } from '../../mail/status.ts';
import type { Acceptance } from '../../store/store.ts';
import { ownAddresses } from '../own-addresses.ts';
import { type ExplainParts, QUEUE_ID } from './parts.ts';

export function hypotheticalReceiver(
  { foundation, directory, clock, temporaryFolder }: ExplainParts,
  log: Log,
  keep: (acceptance: Acceptance) => void,
): MessageReceiver {
  const { configuration, tables, domains, bus } = foundation;
  const { parameters } = configuration;
  const trusted = compileNetworks(parameters.list('mynetworks'), { tables });
  return new MessageReceiver({
    store: {
      content: {
        spool() {
          throw new Error('a message that does not exist is not kept');
        },
      },
      async accept(acceptance) {
        keep(acceptance);
        return { content: '', appended: [], messageId: '' };
      },
    },
    hooks: bus,
    events: { delivered() {} },
    parameters,
    tables,
    domains,
    transports: configuration.transports,
    addresses: ownAddresses(configuration),
    router: createRouter({
      parameters,
      tables,
      transports: configuration.transports,
      domains,
      accounts: wouldBe(createAccounts({ directory, parameters, tables })),
    }),
    log,
    clock,
    temporaryFolder,
    isTrusted: ({ remote }: Connection) => trusted(remote.ip, remote.name),
    onQueued: () => {},
  });
}

/** As a local user submits it by the sendmail command. */
export async function submit(
  { from, to, headers }: Hypothetical,
  receiver: MessageReceiver,
  parameters: ParameterReader,
): Promise<Reply> {
  const origin = parameters.string('myorigin');
  const envelope: Envelope = {
    reversePath: from === '' ? '' : qualify(from, origin),
    recipients: to.map((address) => ({ address: qualify(address, origin), original: address, notify: [], orcpt: '' })),
    ret: '',
    envid: '',
    smtputf8: false,
    body: '7BIT',
  };
  const intake = receiver.begin({
    connection: null,
    transaction: makeTransaction(QUEUE_ID, envelope),
    envelope,
    submitter: { uid: 0, fullName: '' },
  });
  await intake.write(Buffer.from([...headers, '', ''].join('\r\n')));
  return intake.end();
}
