/** What is measured on each store: a load of the generator, and what is counted. */
import { ACCOUNTS, DOMAIN, PASSWORD, READER } from '../peers/corpus.ts';
import type { Job } from '../peers/load/job.ts';
import type { StoreSide } from './side.ts';

export interface StoreRow {
  readonly name: string;
  readonly about: string;
  readonly unit: 'messages' | 'logins' | 'changes';
  /** `messages`: in the mailbox that is read. */
  job(side: StoreSide, load: { readonly seconds: number; readonly messages: number }): Job;
}

const reader = { user: READER, password: PASSWORD };

const deliver = (name: string, octets: number, connections: number): StoreRow => ({
  name,
  about: `${octets} octets over SMTP, ${connections === 1 ? 'one connection' : `${connections} connections`}`,
  unit: 'messages',
  job: ({ smtp }, { seconds }) => ({
    kind: 'smtp',
    port: smtp,
    tls: false,
    startTls: false,
    password: null,
    accounts: ACCOUNTS,
    domain: DOMAIN,
    octets,
    connections,
    seconds,
  }),
});

interface Imap {
  readonly command: string;
  readonly connections?: number;
  /** One command is about all messages. */
  readonly whole?: boolean;
  readonly unit?: StoreRow['unit'];
}

const imap = (name: string, { command, connections = 1, whole = false, unit = 'messages' }: Imap): StoreRow => ({
  name,
  about: `${command.replace('%R', 'RANDOM')}, ${connections === 1 ? 'one connection' : `${connections} connections`}`,
  unit,
  job: (side, { seconds, messages }) => ({
    kind: 'imap',
    ...reader,
    port: side.imap,
    tls: false,
    mailbox: 'INBOX',
    command,
    messages,
    units: whole ? messages : 1,
    connections,
    seconds,
  }),
});

const login = (name: string, tls: boolean, about: string): StoreRow => ({
  name,
  about,
  unit: 'logins',
  job: (side, { seconds }) => ({
    kind: 'login',
    ...reader,
    port: tls ? side.imaps : side.imap,
    tls,
    connections: 1,
    seconds,
  }),
});

export const STORE_ROWS: readonly StoreRow[] = [
  deliver('deliver-4k-1', 4096, 1),
  deliver('deliver-4k-20', 4096, 20),
  login('login-select', false, 'LOGIN, SELECT and LOGOUT of the large mailbox'),
  imap('fetch-list', { command: 'FETCH 1:* (FLAGS INTERNALDATE RFC822.SIZE ENVELOPE)', whole: true }),
  imap('fetch-body-1', { command: 'UID FETCH %R BODY.PEEK[]' }),
  imap('fetch-body-20', { command: 'UID FETCH %R BODY.PEEK[]', connections: 20 }),
];

/** Measured for the simulation only. */
export const MORE_ROWS: readonly StoreRow[] = [
  deliver('deliver-100k-20', 102_400, 20),
  login('login-select-tls', true, 'the same with TLS'),
  imap('store-flag', { command: 'UID STORE %R +FLAGS.SILENT (\\Flagged)', unit: 'changes' }),
];
