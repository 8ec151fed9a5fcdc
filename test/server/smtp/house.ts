/** A small house for tests of the SMTP server: real sockets on loopback, recording parts around them. */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { Connection, HookArguments, HookName, Hooks, Transaction, Verdict } from '../../../src/bus/hook.ts';
import { NEXT } from '../../../src/bus/hook.ts';
import type { Log } from '../../../src/log.ts';
import type { ParameterReader } from '../../../src/lookup/parameters.ts';
import type { Account } from '../../../src/mail/account.ts';
import type { Envelope } from '../../../src/mail/envelope.ts';
import { createQueueIds } from '../../../src/mail/queue-id.ts';
import { type Reply, reply } from '../../../src/mail/status.ts';
import type { AccountEnd } from '../../../src/server/login/account-watch.ts';
import { SmtpServer, type SmtpServerOptions } from '../../../src/server/smtp/server.ts';

const DEFAULTS: Readonly<Record<string, string>> = {
  myhostname: 'mail.baidu.com',
  myorigin: 'baidu.com',
  smtpd_banner: 'mail.baidu.com ESMTP "Mail Server"',
  append_at_myorigin: 'yes',
  smtpd_helo_required: 'no',
  strict_rfc821_envelopes: 'no',
  smtputf8_enable: 'yes',
  strict_smtputf8: 'no',
  disable_vrfy_command: 'no',
  smtpd_discard_ehlo_keywords: '',
  message_size_limit: '10240000',
  smtpd_recipient_limit: '1000',
  smtpd_recipient_overshoot_limit: '1000',
  line_length_limit: '2048',
  smtpd_timeout: '300',
  smtpd_soft_error_limit: '10',
  smtpd_hard_error_limit: '20',
  smtpd_error_sleep_time: '1',
  smtpd_junk_command_limit: '100',
  smtpd_client_connection_count_limit: '50',
  smtpd_client_connection_rate_limit: '0',
  smtpd_client_message_rate_limit: '0',
  smtpd_client_recipient_rate_limit: '0',
  smtpd_client_auth_rate_limit: '0',
  anvil_rate_time_unit: '60',
  smtpd_client_event_limit_exceptions: '',
  smtpd_noop_commands: '',
  smtpd_forbidden_commands: 'CONNECT GET POST',
  smtpd_tls_security_level: '',
  smtpd_enforce_tls: 'no',
  smtpd_use_tls: 'no',
  smtpd_tls_loglevel: '1',
  smtpd_sasl_auth_enable: 'yes',
  smtpd_tls_auth_only: 'no',
  broken_sasl_auth_clients: 'yes',
  smtpd_sasl_security_options: 'noanonymous',
  smtpd_sasl_tls_security_options: 'noanonymous',
  smtpd_reject_unlisted_recipient: 'yes',
  relay_domains_reject_code: '554',
  unknown_local_recipient_reject_code: '550',
  unknown_virtual_alias_reject_code: '550',
  unknown_virtual_mailbox_reject_code: '550',
  unknown_relay_recipient_reject_code: '550',
  smtpd_peername_lookup: 'yes',
  smtpd_forbid_bare_newline: 'normalize',
  smtpd_forbid_bare_newline_reject_code: '550',
};

function parameterReader(values: Readonly<Record<string, string>> = {}): ParameterReader {
  const all: Readonly<Record<string, string>> = { ...DEFAULTS, ...values };
  const string = (name: string): string => {
    const value = all[name];
    if (value === undefined) throw new Error(`no parameter ${name}`);
    return value;
  };
  const untyped: ParameterReader['untyped'] = {
    string,
    boolean: (name) => string(name) === 'yes',
    number: (name) => Number(string(name)),
    time: (name) => Number(string(name)) * 1000,
    list: (name) =>
      string(name)
        .split(/[\s,]+/)
        .filter(Boolean),
  };
  return { ...untyped, untyped };
}

const ACCOUNT: Account = {
  id: 1,
  address: 'maomao@baidu.com',
  passwordHash: '',
  disabled: false,
  quota: 0,
  createdAt: 0,
};

/** What the recording receiver took. */
interface Taken {
  readonly connection: Connection | null;
  readonly transaction: Transaction;
  readonly envelope: Envelope;
  body: Buffer;
  outcome: 'open' | 'ended' | 'aborted';
}

type Handlers = { [N in HookName]?: (argument: HookArguments[N]) => Verdict | Promise<Verdict> };

export interface HouseOptions {
  readonly parameters?: Readonly<Record<string, string>>;
  readonly hooks?: Handlers;
  /** The receiver's answer. */
  readonly answer?: (taken: Taken) => Reply | Promise<Reply>;
  /** Octets a write may take before its promise is pending until the next tick. */
  readonly slowWrites?: boolean;
  readonly server?: Partial<SmtpServerOptions>;
}

export interface House {
  readonly port: number;
  readonly smtp: SmtpServer;
  readonly taken: Taken[];
  readonly log: string[];
  /** What the tarpit was asked to wait, ms. */
  readonly sleeps: number[];
  /** How many sessions watch the account that logged in. */
  readonly watched: number;
  /** The account was removed, disabled, or has a new password. */
  endAccount(why: AccountEnd): void;
  close(): Promise<void>;
}

function recordingLog(lines: string[]): Log {
  const write = (_fields: object, message: string): void => {
    lines.push(message);
  };
  const log: Log = {
    debug: () => {},
    info: write,
    warn: write,
    error: (fields, message) => lines.push(`ERROR ${message} ${JSON.stringify(fields, errorText)}`),
    child: () => log,
  };
  return log;
}

const errorText = (_key: string, value: unknown): unknown => (value instanceof Error ? value.stack : value);

function hooksOf(handlers: Handlers): Hooks {
  return {
    has: (name) => handlers[name] !== undefined,
    async run<N extends HookName>(name: N, argument: HookArguments[N]) {
      const handler = handlers[name] as ((argument: HookArguments[N]) => Verdict | Promise<Verdict>) | undefined;
      return handler === undefined ? NEXT : handler(argument);
    },
  };
}

export async function openHouse(options: HouseOptions = {}): Promise<House> {
  const taken: Taken[] = [];
  const log: string[] = [];
  const sleeps: number[] = [];
  const endAccount = new Set<(why: AccountEnd) => void>();
  const smtp = new SmtpServer({
    service: 'smtp',
    parameters: parameterReader(options.parameters),
    hooks: hooksOf(options.hooks ?? {}),
    receiver: {
      begin({ connection, transaction, envelope }) {
        const one: Taken = {
          connection,
          transaction,
          envelope: { ...envelope, recipients: [...envelope.recipients] },
          body: Buffer.alloc(0),
          outcome: 'open',
        };
        taken.push(one);
        return {
          write(chunk) {
            one.body = Buffer.concat([one.body, chunk]);
            return options.slowWrites === true ? new Promise((resolve) => setImmediate(resolve)) : undefined;
          },
          async end() {
            one.outcome = 'ended';
            return options.answer?.(one) ?? reply(250, '2.0.0', `Ok: queued as ${transaction.queueId}`);
          },
          abort() {
            one.outcome = 'aborted';
          },
        };
      },
    },
    authenticator: {
      verify: async ({ login, password }) =>
        login === 'maomao' && password.toString('latin1') === 'maomao'
          ? { ok: true, account: ACCOUNT }
          : { ok: false, reason: 'credentials' },
      watch: (_account, onEnd) => {
        endAccount.add(onEnd);
        return () => endAccount.delete(onEnd);
      },
    },
    domains: {
      classify: async (domain) =>
        ['baidu.com', 'mail.baidu.com', '[127.0.0.1]'].includes(domain)
          ? 'local'
          : domain === 'group.com'
            ? 'virtual_alias'
            : 'default',
      recipientExists: async (address) => /^(?:maomao|xixi|haha|postmaster|root|admin)@/i.test(address),
    },
    resolver: null,
    tls: null,
    newQueueId: createQueueIds(Date.now, 1),
    flushDestination: async () => 0,
    mayEndLinesWithLf: () => false,
    log: recordingLog(log),
    clock: Date.now,
    sleep: async (ms) => {
      sleeps.push(ms);
    },
    ...options.server,
  });
  const listener: Server = createServer({ noDelay: true }, (socket: Socket) => smtp.serve(socket));
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address() as AddressInfo;
  return {
    port,
    smtp,
    taken,
    log,
    sleeps,
    get watched() {
      return endAccount.size;
    },
    endAccount: (why) => {
      for (const onEnd of endAccount) onEnd(why);
    },
    async close() {
      listener.close();
      await smtp.close(0);
    },
  };
}
