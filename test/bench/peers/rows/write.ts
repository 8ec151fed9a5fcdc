/** Changes that mail programs make. */
import { DOMAIN, PASSWORD, READER } from '../corpus.ts';
import { type PeerRow, rate } from '../row.ts';
import { at } from '../side.ts';

const common = { storm: 'write', programs: ['dovecot'] } as const;
const OCTETS = 4_096;
const MOVED = 1_000;

const append = (connections: number): PeerRow => ({
  ...common,
  name: `append-${connections}`,
  about: `APPEND of 4 KB, ${connections === 1 ? 'one connection' : `${connections} connections, an account each`}`,
  needs: 'nothing',
  measure: async (side, { generator, seconds }) => {
    const who = { user: `u%C@${DOMAIN}`, password: PASSWORD };
    const where = { ...at(side, 'imap'), connections, seconds };
    return [
      rate(
        `append-${connections}`,
        'messages',
        await generator.run({ kind: 'append', octets: OCTETS, ...who, ...where }),
      ),
    ];
  },
});

const move = (kind: 'copy' | 'expunge'): PeerRow => ({
  ...common,
  name: kind,
  about: `${kind.toUpperCase()} of ${MOVED}`,
  needs: 'corpus',
  measure: async (side, { generator, messages, seconds }) => {
    const who = { user: READER, password: PASSWORD };
    const where = { ...at(side, 'imap'), connections: 1, seconds };
    return [
      rate(kind, 'messages', await generator.run({ kind, messages: Math.min(messages, MOVED), ...who, ...where })),
    ];
  },
});

export const writeRows: readonly PeerRow[] = [append(1), append(20), move('copy'), move('expunge')];
