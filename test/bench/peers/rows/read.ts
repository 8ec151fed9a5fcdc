/** Reading: what mail programs fetch, search and log in for. */
import { MANY, PASSWORD, RARE_WORD, READER, WORD_NOWHERE } from '../corpus.ts';
import { type PeerRow, rate, type Tools } from '../row.ts';
import { at, type Service } from '../side.ts';

const reader = { user: READER, password: PASSWORD };
const common = { storm: 'read', programs: ['dovecot'] } as const;
/** POP3 fetches this many. */
const RETRIEVED = 1_000;

interface Imap {
  readonly service?: 'imap' | 'imaps';
  readonly connections?: number;
  readonly unit: string;
  /** What one command counts for. */
  readonly units?: (tools: Tools) => number;
}

const imap = (name: string, command: string, { service = 'imap', connections = 1, unit, units }: Imap): PeerRow => ({
  ...common,
  name,
  about: `${command.replace('%R', 'RANDOM')}, ${connections === 1 ? 'one connection' : `${connections} connections`}${service === 'imaps' ? ', TLS' : ''}`,
  needs: 'corpus',
  measure: async (side, tools) => {
    const { messages, seconds } = tools;
    const where = { ...at(side, service), connections, seconds };
    const what = { kind: 'imap', mailbox: 'INBOX', command, messages, units: units?.(tools) ?? 1 } as const;
    const load = await tools.generator.run({ ...reader, ...where, ...what });
    tools.say(`${Math.round(load.octets / load.units)} octets for each of the ${unit}`);
    return [rate(name, unit, load)];
  },
});

const pop3 = (name: string, service: Service, window: number): PeerRow => ({
  ...common,
  name,
  about: `RETR of the first ${RETRIEVED}, ${window === 1 ? 'one by one' : `${window} at a time`}${service === 'pop3s' ? ', TLS' : ''}`,
  needs: 'corpus',
  measure: async (side, { generator, messages, seconds, say }) => {
    const where = { ...at(side, service), connections: 1, seconds };
    const load = await generator.run({
      ...reader,
      ...where,
      kind: 'pop3',
      messages: Math.min(messages, RETRIEVED),
      window,
    });
    say(`${Math.round(load.octets / load.units)} octets for each of the messages`);
    return [rate(name, 'messages', load)];
  },
});

const login = (name: string, service: Service, connections: number): PeerRow => ({
  ...common,
  name,
  about: `LOGIN, SELECT, LOGOUT of a mailbox of 10,000, ${connections} at a time${service === 'imaps' ? ', TLS' : ''}`,
  needs: 'many',
  measure: async (side, { generator, seconds }) => {
    const where = { ...at(side, service), connections, seconds };
    return [rate(name, 'logins', await generator.run({ kind: 'login', user: MANY, password: PASSWORD, ...where }))];
  },
});

const SEARCHES: Readonly<Record<string, string>> = {
  'search-header': 'HEADER X-Campaign spring',
  'search-larger': 'LARGER 20000',
  'search-subject': 'SUBJECT bakilo',
  'search-from': 'FROM sender42@example.org',
  'search-since': 'SINCE 1-Nov-2026 SENTSINCE 15-Nov-2026',
  'search-body': `BODY ${RARE_WORD}`,
  'search-text': `TEXT ${RARE_WORD}`,
  'search-text-nowhere': `TEXT ${WORD_NOWHERE}`,
};

const whole = { unit: 'messages', units: ({ messages }: Tools) => messages };

export const readRows: readonly PeerRow[] = [
  imap('fetch-random-1', 'UID FETCH %R BODY.PEEK[]', { unit: 'messages' }),
  imap('fetch-random-20', 'UID FETCH %R BODY.PEEK[]', { unit: 'messages', connections: 20 }),
  imap('fetch-all', 'FETCH 1:* BODY.PEEK[]', whole),
  imap('fetch-all-tls', 'FETCH 1:* BODY.PEEK[]', { ...whole, service: 'imaps' }),
  imap('fetch-metadata', 'FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE)', whole),
  pop3('pop3-one', 'pop3', 1),
  pop3('pop3-pipelined', 'pop3', RETRIEVED),
  pop3('pop3-tls', 'pop3s', 1),
  pop3('pop3-tls-pipelined', 'pop3s', RETRIEVED),
  login('login-1', 'imap', 1),
  login('login-20', 'imap', 20),
  login('login-tls-1', 'imaps', 1),
  login('login-tls-20', 'imaps', 20),
  ...Object.entries(SEARCHES).map(([name, criteria]) => imap(name, `SEARCH ${criteria}`, { unit: 'searches' })),
];
