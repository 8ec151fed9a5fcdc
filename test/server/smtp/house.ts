/** A small setup for tests of the SMTP server: real sockets on loopback, surrounded by recording parts. */

import { onTestFinished } from 'vitest';
import type { Connection, Transaction } from '../../../src/bus/hook.ts';
import type { Envelope } from '../../../src/mail/envelope.ts';
import { createQueueIds } from '../../../src/mail/queue-id.ts';
import { type Reply, reply } from '../../../src/mail/status.ts';
import type { AccountEnd } from '../../../src/server/login/account-watch.ts';
import { NO_LOGINS } from '../../../src/server/login/no-logins.ts';
import { SmtpServer, type SmtpServerOptions } from '../../../src/server/smtp/server.ts';
import { accountOf } from '../../kit/directory.ts';
import { type Handlers, hooksOf } from '../../kit/hooks.ts';
import { recordLog, type Said } from '../../kit/log.ts';
import { openLoopback } from '../../kit/loopback.ts';
import { parametersOf } from '../../kit/parameters.ts';
import { SmtpClient } from '../../kit/smtp-client.ts';

/** On top of the defaults: logins in clear text, and no clients excluded from the limits. */
const SETTINGS: Readonly<Record<string, string>> = {
  smtpd_banner: 'mail.baidu.com ESMTP "Mail Server"',
  smtpd_sasl_auth_enable: 'yes',
  broken_sasl_auth_clients: 'yes',
  smtpd_tls_loglevel: '1',
  smtpd_client_event_limit_exceptions: '',
  smtpd_forbidden_commands: 'CONNECT GET POST',
  smtputf8_enable: 'yes',
};

const ACCOUNT = accountOf('maomao@baidu.com');

/** What the recording receiver accepted. */
interface Taken {
  readonly connection: Connection | null;
  readonly transaction: Transaction;
  readonly envelope: Envelope;
  body: Buffer;
  outcome: 'open' | 'ended' | 'aborted';
}

export interface HouseOptions {
  readonly parameters?: Readonly<Record<string, string>>;
  readonly hooks?: Handlers;
  /** The reply of the receiver. */
  readonly answer?: (taken: Taken) => Reply | Promise<Reply>;
  /** How many octets a write may take before its promise stays pending until the next tick. */
  readonly slowWrites?: boolean;
  readonly server?: Partial<SmtpServerOptions>;
}

export interface House {
  readonly port: number;
  readonly smtp: SmtpServer;
  readonly taken: Taken[];
  readonly log: string[];
  /** The delays that the tarpit was asked for, in ms. */
  readonly sleeps: number[];
  /** How many sessions watch the account that logged in. */
  readonly watched: number;
  /** Call when the account was removed, disabled, or got a new password. */
  endAccount(why: AccountEnd): void;
  close(): Promise<void>;
}

const errorText = (_key: string, value: unknown): unknown => (value instanceof Error ? value.stack : value);

const words = ({ level, fields, message }: Said): string | null => {
  if (level === 'debug') return null;
  return level === 'error' ? `ERROR ${message} ${JSON.stringify(fields, errorText)}` : message;
};

export async function openHouse(options: HouseOptions = {}): Promise<House> {
  const taken: Taken[] = [];
  const { log, lines } = recordLog(words);
  const sleeps: number[] = [];
  const endAccount = new Set<(why: AccountEnd) => void>();
  const smtp = new SmtpServer({
    service: 'smtp',
    parameters: parametersOf({ ...SETTINGS, ...options.parameters }),
    hooks: hooksOf(options.hooks),
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
          refusalIsLogged: false,
          abort() {
            one.outcome = 'aborted';
          },
        };
      },
    },
    authenticator: {
      ...NO_LOGINS,
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
      resolve: (address) => address,
      undeliverable: async () => null,
      recipientExists: async (address) => /^(?:maomao|xixi|haha|postmaster|root|admin)@/i.test(address),
    },
    resolver: null,
    tls: null,
    newQueueId: createQueueIds(Date.now, 1),
    flushDestination: async () => false,
    mayEndLinesWithLf: () => false,
    log,
    clock: Date.now,
    sleep: async (ms) => {
      sleeps.push(ms);
    },
    ...options.server,
  });
  const listener = await openLoopback((socket) => smtp.serve(socket));
  return {
    port: listener.port,
    smtp,
    taken,
    log: lines,
    sleeps,
    get watched() {
      return endAccount.size;
    },
    endAccount: (why) => {
      for (const onEnd of endAccount) onEnd(why);
    },
    async close() {
      await smtp.close(0);
      await listener.close();
    },
  };
}

/** A setup for the running test. */
export async function houseForTest(options: HouseOptions = {}): Promise<House> {
  const house = await openHouse(options);
  onTestFinished(() => house.close());
  return house;
}

/** A client for the running test; its greeting is not read yet. */
export async function clientForTest({ port }: { readonly port: number }): Promise<SmtpClient> {
  const client = await SmtpClient.open(port);
  onTestFinished(() => client.destroy());
  return client;
}
