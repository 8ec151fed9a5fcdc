/**
 * The command table. To add a command: a file in this folder and a row here, which also carries its capability.
 * `authenticated` includes the selected state.
 */
import type { CommandRow, CommandTable } from '../command.ts';
import { appendCommand, takesMessage } from './append.ts';
import { authenticate } from './authenticate.ts';
import { capability, check, logout, noop } from './capability.ts';
import { close, unselect } from './close.ts';
import { copy } from './copy.ts';
import { create } from './create.ts';
import { remove } from './delete.ts';
import { enable } from './enable.ts';
import { expunge, uidExpunge } from './expunge.ts';
import { fetch } from './fetch.ts';
import { id } from './id.ts';
import { idle } from './idle.ts';
import { list } from './list.ts';
import { login } from './login.ts';
import { lsub } from './lsub.ts';
import { getMetadata, setMetadata } from './metadata.ts';
import { namespace } from './namespace.ts';
import { rename } from './rename.ts';
import { search } from './search.ts';
import { select } from './select.ts';
import { starttls } from './starttls.ts';
import { status } from './status.ts';
import { store } from './store.ts';
import { subscribe } from './subscribe.ts';

const ROWS: readonly CommandRow[] = [
  { name: 'CAPABILITY', allowed: 'always', command: capability },
  { name: 'NOOP', allowed: 'always', command: noop },
  { name: 'LOGOUT', allowed: 'always', command: logout },
  { name: 'ID', allowed: 'always', command: id, brings: ['ID'] },

  { name: 'STARTTLS', allowed: 'not-authenticated', command: starttls },
  { name: 'AUTHENTICATE', allowed: 'not-authenticated', command: authenticate },
  { name: 'LOGIN', allowed: 'not-authenticated', command: login },

  { name: 'ENABLE', allowed: 'authenticated', command: enable, brings: ['ENABLE'] },
  { name: 'SELECT', allowed: 'authenticated', command: select(false), brings: ['QRESYNC'] },
  { name: 'EXAMINE', allowed: 'authenticated', command: select(true) },
  { name: 'NAMESPACE', allowed: 'authenticated', command: namespace, brings: ['NAMESPACE'] },
  {
    name: 'LIST',
    allowed: 'authenticated',
    command: list,
    brings: ['CHILDREN', 'LIST-EXTENDED', 'LIST-STATUS', 'SPECIAL-USE'],
  },
  { name: 'LSUB', allowed: 'authenticated', command: lsub },
  { name: 'STATUS', allowed: 'authenticated', command: status, brings: ['STATUS=SIZE'] },
  { name: 'CREATE', allowed: 'authenticated', command: create, brings: ['CREATE-SPECIAL-USE'] },
  { name: 'DELETE', allowed: 'authenticated', command: remove },
  { name: 'RENAME', allowed: 'authenticated', command: rename },
  { name: 'SUBSCRIBE', allowed: 'authenticated', command: subscribe(true) },
  { name: 'UNSUBSCRIBE', allowed: 'authenticated', command: subscribe(false) },
  { name: 'GETMETADATA', allowed: 'authenticated', command: getMetadata, brings: ['METADATA-SERVER'] },
  { name: 'SETMETADATA', allowed: 'authenticated', command: setMetadata },
  { name: 'APPEND', allowed: 'authenticated', command: appendCommand, takesMessage },
  { name: 'IDLE', allowed: 'authenticated', command: idle, brings: ['IDLE'] },

  { name: 'CHECK', allowed: 'selected', command: check },
  { name: 'CLOSE', allowed: 'selected', command: close },
  { name: 'UNSELECT', allowed: 'selected', command: unselect, brings: ['UNSELECT'] },
  { name: 'EXPUNGE', allowed: 'selected', command: expunge },
  { name: 'UID EXPUNGE', allowed: 'selected', command: uidExpunge, brings: ['UIDPLUS'] },
  {
    name: 'SEARCH',
    allowed: 'selected',
    command: search('sequence'),
    brings: ['ESEARCH', 'WITHIN'],
    tellsExpunge: false,
  },
  { name: 'UID SEARCH', allowed: 'selected', command: search('uid') },
  { name: 'FETCH', allowed: 'selected', command: fetch('sequence'), tellsExpunge: false },
  { name: 'UID FETCH', allowed: 'selected', command: fetch('uid') },
  { name: 'STORE', allowed: 'selected', command: store('sequence'), brings: ['CONDSTORE'], tellsExpunge: false },
  { name: 'UID STORE', allowed: 'selected', command: store('uid') },
  { name: 'COPY', allowed: 'selected', command: copy('sequence', { move: false }) },
  { name: 'UID COPY', allowed: 'selected', command: copy('uid', { move: false }) },
  { name: 'MOVE', allowed: 'selected', command: copy('sequence', { move: true }), brings: ['MOVE'] },
  { name: 'UID MOVE', allowed: 'selected', command: copy('uid', { move: true }) },
];

export const COMMANDS: CommandTable = new Map(ROWS.map((row) => [row.name, row]));
