/** The measured costs: what each is, and where `npm run simulate -- --measure` gets it. They are in measured.json. */
export const FIGURES = {
  'cpu.rest': ['ms', 'a process at rest, in a second: heartbeats, change streams, timers'],
  'cpu.delivery': ['ms', 'a delivery of 4 KB over SMTP on one connection, so that none goes together with others'],
  'cpu.kilobyte': ['ms', 'each further KB of it: 100 KB and 4 KB on 20 connections'],
  'cpu.session': ['ms', 'LOGIN, SELECT of a mailbox that is in memory, LOGOUT'],
  'cpu.tls': ['ms', 'TLS of such a session'],
  'cpu.row': ['ms', 'each message of a SELECT of a mailbox that is not in memory: the store alone'],
  'cpu.listed': ['ms', 'ENVELOPE of one message, of many: the store alone'],
  'cpu.body': ['ms', 'FETCH of one BODY[] of the corpus (median 4 KB)'],
  'cpu.store': ['ms', 'STORE of a flag of one message'],
  'cpu.expunge': ['ms', 'EXPUNGE of one message: the store alone'],
  'cpu.relay': ['ms', 'a recipient elsewhere: queued, claimed and removed; the store alone, without its SMTP session'],
  'cpu.foreign': ['ms', 'a delivery of another process, heard by the change streams, for nobody here: two changes'],
  'cpu.told': ['ms', 'a delivery of another process, told to a session here: the store alone'],
  'cpu.polled': ['ms', 'a look at an open mailbox and its account, 1000 at a time: the store alone'],
  'cpu.text': ['ms', 'preparing the text of one message of the corpus for SEARCH: the store alone'],
  'cpu.account': ['ms', 'an account, in a list of all of them'],
  'memory.process': ['octets', 'a process of ours, after the loads'],
  'memory.session': ['octets', 'a session in IDLE'],
  'octets.account': ['octets', 'a document of accounts (BSON)'],
  'octets.mailbox': ['octets', 'a document of mailboxes with an empty journal'],
  'octets.row': ['octets', 'a document of messages'],
  'octets.content': ['octets', 'a document of contents, without the octets of the message'],
  'octets.item': ['octets', 'a document of the queue'],
  'octets.text': ['octets', 'a document of searchTexts, for each octet of a message of the corpus'],
} as const satisfies Readonly<Record<string, readonly [unit: string, from: string]>>;

export type FigureName = keyof typeof FIGURES;

/** What one operation sends. */
export interface Traffic {
  readonly commands: number;
  /** Documents that are found, and that are written. */
  readonly found: number;
  readonly written: number;
  /** Octets to and from the database. */
  readonly sent: number;
  readonly received: number;
  /** Of these commands, those to collections that are not sharded. */
  readonly primaryReads: number;
  readonly primaryWrites: number;
}

export const TRAFFIC = {
  rcpt: 'RCPT TO of an account that is not in memory',
  delivery: 'a delivery of 4 KB to an account that the process does not know',
  relay: 'a recipient elsewhere: queued, claimed and removed',
  session: 'a login and SELECT of a mailbox that is not in memory, without its rows',
  rows: 'each row of it',
  listed: 'ENVELOPE of one message, of many',
  body: 'the octets of one message of the corpus',
  store: 'a flag of one message',
  expunge: 'one message of those that go together: 10',
  told: 'a change of another process for a session',
  text: 'preparing the text of one message for SEARCH',
} as const;

export type TrafficName = keyof typeof TRAFFIC;

export interface Measured {
  readonly server: string;
  readonly machine: string;
  readonly figures: Readonly<Record<FigureName, number>>;
  readonly traffic: Readonly<Record<TrafficName, Traffic>>;
}
