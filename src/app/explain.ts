/**
 * `posthorn explain`: what this server would do with a message that does not exist. A real session of the SMTP server
 * and a real intake are asked, with a trace; at their end is a store that keeps nothing.
 *
 * Nothing is sent, stored, counted or learned: limits of clients are counted apart, lines of the log go to the trace,
 * no account is made, and plugins and policy services that may remember what they are asked are not asked.
 */
import { isIP } from 'node:net';
import type { Destination, Explanation, Hypothetical } from '../admin/explanation.ts';
import { OperationError } from '../admin/operation.ts';
import type { Connection } from '../bus/hook.ts';
import type { Configuration, Service } from '../config/configuration.ts';
import { MessageReceiver } from '../delivery/receive/message-receiver.ts';
import { makeTransaction } from '../delivery/receive/transaction.ts';
import { createAccounts, wouldBe } from '../delivery/route/accounts.ts';
import { createRouter } from '../delivery/route/router.ts';
import type { Log } from '../log.ts';
import { compileNetworks } from '../lookup/network.ts';
import type { ParameterReader } from '../lookup/parameters.ts';
import type { Account } from '../mail/account.ts';
import { addressKey, domainOf, qualify } from '../mail/address.ts';
import type { Envelope } from '../mail/envelope.ts';
import { formatReply } from '../mail/status.ts';
import type { Authenticator } from '../server/login/authenticator.ts';
import { HypotheticalWire, type Script } from '../server/smtp/hypothetical-wire.ts';
import { SmtpServer } from '../server/smtp/server.ts';
import type { KnownClient } from '../server/smtp/wire.ts';
import type { Directory } from '../store/directory.ts';
import type { Acceptance } from '../store/store.ts';
import { type Trace, type TraceStep, traced } from '../tracing.ts';
import type { Foundation } from './foundation.ts';
import { type SmtpServing, smtpOptions } from './generation.ts';

export interface ExplainParts {
  readonly foundation: Pick<Foundation, 'configuration' | 'tables' | 'domains' | 'resolver' | 'relayRules' | 'bus'>;
  readonly directory: Directory;
  readonly clock: () => number;
  readonly temporaryFolder: string;
}

const QUEUE_ID = 'explain';
/** Further ones are not kept. */
const MOST_STEPS = 20_000;
/** What is assumed of a connection that must be encrypted. */
export const TLS: NonNullable<KnownClient['tls']> = {
  protocol: 'TLSv1.3',
  cipher: 'TLS_AES_256_GCM_SHA384',
  bits: 256,
  serverName: '',
};
/** Nobody logs in: who is logged in is given. */
const NO_LOGINS: Authenticator = {
  verify: async () => ({ ok: false, reason: 'unavailable' }),
  watch: () => () => {},
};

/** Rejects with OperationError if the question makes no sense. */
export async function explain(asked: Hypothetical, parts: ExplainParts): Promise<Explanation> {
  const collected = new Collected();
  const kept: Acceptance[] = [];
  const receiver = hypotheticalReceiver(parts, collected.log, (acceptance) => {
    kept.push(acceptance);
    collected.isOver = true;
  });
  const opened = asked.client === null ? null : await openSession(asked, asked.client, parts);
  if (opened === null)
    await traced(collected, () => submit(asked, receiver, parts.foundation.configuration, collected));
  else {
    const serving = { ...parts, hooks: parts.foundation.bus, receiver, log: collected.log };
    await traced(collected, () => converse(asked, opened, serving));
  }
  const steps = collected.steps.map((step) => (opened === null ? step : placed(step, opened.service)));
  return {
    service: opened?.service.name ?? null,
    assumed: opened?.assumed ?? [],
    steps,
    destinations: await destinationsOf(steps, kept, parts),
  };
}

/** Everything that was asked, in order. */
class Collected implements Trace {
  readonly hypothetical = true;
  readonly steps: TraceStep[] = [];
  readonly log: Log;
  /** Everything is decided. */
  isOver = false;

  constructor() {
    const say = (_fields: object, text: string): void => {
      // What the log would say of a message that is kept is not so.
      if (!this.isOver) this.add({ kind: 'log', text });
    };
    this.log = { debug: () => {}, info: say, warn: say, error: say, child: () => this.log };
  }

  add(step: TraceStep): void {
    if (this.steps.length < MOST_STEPS) this.steps.push(step);
  }
}

function hypotheticalReceiver(
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
    parameters,
    tables,
    router: createRouter({ parameters, tables, domains, accounts: wouldBe(createAccounts({ directory, parameters })) }),
    log,
    clock,
    temporaryFolder,
    isTrusted: ({ remote }: Connection) => trusted(remote.ip, remote.name),
    onQueued: () => {},
  });
}

// ---- a client

interface Opened {
  readonly service: Service;
  readonly ip: string;
  readonly known: KnownClient;
  readonly assumed: readonly string[];
}

async function openSession(asked: Hypothetical, ip: string, parts: ExplainParts): Promise<Opened> {
  if (isIP(ip) === 0) throw new OperationError(`--client ${ip}: expected an IP address`);
  const { configuration } = parts.foundation;
  const service = serviceOf(asked, configuration.services);
  const { parameters, wrapperMode } = service;
  const user = asked.user === null ? null : await userOf(asked.user, configuration.parameters, parts.directory);
  const secured =
    wrapperMode || user !== null || parameters.string('smtpd_tls_security_level') === 'encrypt' ? { tls: TLS } : {};
  return {
    service,
    ip,
    known: { ...secured, ...(user === null ? {} : { user }) },
    assumed: [
      ...('tls' in secured ? ['the connection is encrypted'] : []),
      ...(user === null ? [] : [`logged in as ${user.account.address}`]),
    ],
  };
}

function serviceOf({ service: name, user }: Hypothetical, services: readonly Service[]): Service {
  const smtp = services.filter(({ lmtp }) => !lmtp);
  const found =
    name === null
      ? ((user === null ? undefined : smtp.find((one) => one.name === 'submission')) ?? smtp[0])
      : services.find((one) => one.name === name);
  if (found === undefined)
    throw new OperationError(
      name === null
        ? 'this configuration has no SMTP service'
        : `there is no service ${name}; known are ${services.map((one) => one.name).join(', ')}`,
    );
  return found;
}

/** As a login finds it; null if there is none. */
export async function accountOf(
  login: string,
  parameters: ParameterReader,
  directory: Directory,
): Promise<Account | null> {
  const domains = (['myorigin', 'mydomain', 'myhostname'] as const).map((name) => parameters.string(name));
  for (const address of login.includes('@') ? [login] : domains.map((domain) => `${login}@${domain}`)) {
    const account = await directory.find(address);
    if (account !== null) return account;
  }
  return null;
}

async function userOf(
  login: string,
  parameters: ParameterReader,
  directory: Directory,
): Promise<NonNullable<KnownClient['user']>> {
  const account = await accountOf(login, parameters, directory);
  if (account === null) throw new OperationError(`there is no account ${login}; "posthorn user list" shows all`);
  return { login, mechanism: 'PLAIN', account };
}

async function converse(
  asked: Hypothetical,
  { service, ip, known }: Opened,
  { foundation, hooks, receiver, log, clock }: ExplainParts & Pick<SmtpServing, 'hooks' | 'receiver' | 'log'>,
): Promise<void> {
  const smtp = new SmtpServer({
    ...smtpOptions(service, foundation, {
      hooks,
      receiver,
      authenticator: NO_LOGINS,
      identities: null,
      newQueueId: () => QUEUE_ID,
      flushDestination: async () => 0,
      freeOctets: () => Number.POSITIVE_INFINITY,
      cluster: null,
      log,
      clock,
    }),
    debugPeers: null,
    sleep: async () => {},
  });
  const local = { ip: service.addresses[0] ?? '127.0.0.1', port: service.port };
  await smtp.play(new HypotheticalWire({ remote: { ip, port: 0 }, local }, scriptOf(asked, service.lmtp)), known);
  await smtp.close(0);
}

/** What the client says. */
const scriptOf = ({ helo, from, to, headers }: Hypothetical, lmtp: boolean): Script =>
  function* (code) {
    yield `${lmtp ? 'LHLO' : 'EHLO'} ${helo}`;
    const utf8 = /[^\0-\x7f]/.test([from, ...to].join('')) ? ' SMTPUTF8' : '';
    if (code() < 300) yield `MAIL FROM:<${from}>${utf8}`;
    let accepted = 0;
    for (const recipient of code() < 300 ? to : []) {
      yield `RCPT TO:<${recipient}>`;
      if (code() < 300) accepted += 1;
    }
    if (accepted > 0) yield 'DATA';
    if (code() === 354) yield [...headers, '', '.'].join('\r\n');
    yield 'QUIT';
  };

// ---- a local user

/** As the sendmail command submits it. */
async function submit(
  { from, to, headers }: Hypothetical,
  receiver: MessageReceiver,
  { parameters }: Configuration,
  collected: Collected,
): Promise<void> {
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
  collected.add({ kind: 'reply', text: formatReply(await intake.end()) });
}

// ---- the answer

/** A rule with the line where it is set. */
function placed(step: TraceStep, service: Service): TraceStep {
  return step.kind === 'rule' ? { ...step, place: service.setAt(step.list, step.item) ?? null } : step;
}

async function destinationsOf(
  steps: readonly TraceStep[],
  kept: readonly Acceptance[],
  { foundation, directory }: ExplainParts,
): Promise<Destination[]> {
  /** From each address to the one that it replaces. */
  const before = new Map<string, string>();
  for (const step of steps)
    if (step.kind === 'expansion')
      for (const member of step.into) {
        const key = addressKey(qualify(member, foundation.configuration.parameters.string('myorigin')));
        if (!before.has(key)) before.set(key, step.address);
      }
  const folders = new Map(
    kept.flatMap(({ deliveries }) =>
      deliveries.map(({ account, mailbox }) => [account, 'name' in mailbox ? mailbox.name : 'INBOX'] as const),
    ),
  );
  const destinations: Destination[] = [];
  for (const step of steps) {
    if (step.kind !== 'route') continue;
    const { address, transport, nexthop } = step;
    const account = transport === 'local' ? await directory.find(nexthop) : null;
    destinations.push({
      address,
      way: wayTo(address, before),
      addressClass: await foundation.domains.classify(domainOf(address)).catch(() => null),
      transport,
      nexthop,
      mailbox: account === null ? null : (folders.get(account.id) ?? null),
    });
  }
  return destinations;
}

function wayTo(address: string, before: ReadonlyMap<string, string>): string[] {
  const way = [address];
  const seen = new Set([addressKey(address)]);
  for (let at = before.get(addressKey(address)); at !== undefined; at = before.get(addressKey(at))) {
    if (seen.has(addressKey(at))) break;
    seen.add(addressKey(at));
    way.unshift(at);
  }
  return way;
}
