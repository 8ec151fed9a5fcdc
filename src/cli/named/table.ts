/**
 * The commands that Posthorn answers to by the names of other programs: `posthorn postmap …`, or a symbolic link named
 * `postmap`. docs/commands.md says what each does.
 */
import type { NamedCommand } from './command.ts';

interface NamedRow {
  readonly description: string;
  load(): Promise<NamedCommand>;
}

const rows: Readonly<Record<string, NamedRow>> = {
  postmap: {
    description: 'ask lookup tables (-q), list one (-s), or check its text',
    load: async () => (await import('./postmap.ts')).postmap,
  },
  postalias: {
    description: 'the same for alias files',
    load: async () => (await import('./postmap.ts')).postalias,
  },
  newaliases: {
    description: 'check the alias files of alias_database',
    load: async () => (await import('./postmap.ts')).newaliases,
  },
  mailq: { description: 'the mail queue', load: async () => (await import('./sendmail.ts')).mailq },
  postqueue: {
    description: 'list the queue (-p, -j), or try to deliver it now (-f, -i ID, -s SITE)',
    load: async () => (await import('./postqueue.ts')).postqueue,
  },
  postsuper: {
    description: 'delete (-d), hold (-h), release (-H) or requeue (-r) messages of the queue, by ID or ALL',
    load: async () => (await import('./postsuper.ts')).postsuper,
  },
  postcat: {
    description: 'a message of the queue with its envelope: postcat -q ID',
    load: async () => (await import('./postcat.ts')).postcat,
  },
  postfix: {
    description: 'start, stop, reload, abort, flush, check, status, logrotate',
    load: async () => (await import('./postfix.ts')).postfix,
  },
  postconf: {
    description: 'show or change parameters of main.cf, and entries of master.cf (-M, -F, -P)',
    load: async () => (await import('./postconf.ts')).postconf,
  },
  postlog: {
    description: 'write lines into the log of the server',
    load: async () => (await import('./postlog.ts')).postlog,
  },
  sendmail: {
    description: 'send a message from standard input; the server accepts it, or will when it runs again',
    load: async () => (await import('./sendmail.ts')).sendmail,
  },
  testsaslauthd: {
    description: 'try a login: testsaslauthd -u USER -p PASSWORD',
    load: async () => (await import('./testsaslauthd.ts')).testsaslauthd,
  },
  doveadm: {
    description: 'hash a password (pw), try a login (auth test), show accounts (user), reload, stop',
    load: async () => (await import('./doveadm.ts')).doveadm,
  },
  rndc: {
    description: 'reload zones, show the name server: reload, reconfig, status',
    load: async () => (await import('./rndc.ts')).rndc,
  },
  'named-checkzone': {
    description: 'check a zone file: named-checkzone ZONE FILE',
    load: async () => (await import('./named-checks.ts')).namedCheckzone,
  },
  'named-checkconf': {
    description: 'check named.conf, with -z its zones too',
    load: async () => (await import('./named-checks.ts')).namedCheckconf,
  },
};

export const namedCommands: ReadonlyMap<string, NamedRow> = new Map(Object.entries(rows));
