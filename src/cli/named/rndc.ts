/** `rndc` (BIND): `status` and `reload` of the name server, which is a part of the server here. Requirement P4. */
import { callServer, NoServerError } from '../../admin/socket.ts';
import type { ServerStatus } from '../../app/status.ts';
import { ownValue } from '../../own-value.ts';
import { ownVersion } from '../../version.ts';
import { type Call, Fatal, type NamedCommand, UsageFault } from './command.ts';

const USAGE =
  'rndc [-c config] [-s server] [-p port]\n\t[-k key-file ] [-y key] [-V] command\n\ncommand is one of the following:\n\n  reconfig\tReload configuration file and zones.\n  reload\tReload configuration file and zones.\n  reload zone\tThe same: all zones are read again.\n  status\tDisplay status of the server.';

export const rndc: NamedCommand = {
  letters: '46b:c:hk:Mp:qrs:Vy:',
  usage: USAGE,
  failure: 1,
  complain: (fault) =>
    [...(fault === null ? [] : [`rndc: invalid argument -${fault.letter}`]), `Usage: ${USAGE}`].join('\n'),
  async run(call) {
    const [word] = call.operands;
    if (word === undefined) throw new UsageFault();
    const act = ownValue(ACTS, word);
    if (act === undefined) return failed(`'${word}' failed: ${OTHERS.get(word) ?? 'unknown command'}`);
    try {
      console.log(await act(call));
      return 0;
    } catch (error) {
      if (!(error instanceof NoServerError)) throw error;
      return failed(`connect failed: no server is running on ${call.where.data}`);
    }
  },
};

function failed(text: string): number {
  console.error(`rndc: ${text}`);
  return 1;
}

/** Resolves with what is printed. */
const ACTS: Readonly<Record<string, (call: Call) => Promise<string>>> = {
  reload: async (call) => `${call.operands.length > 1 ? 'zone' : 'server'} reload successful${await reload(call)}`,
  reconfig: async (call) => `server reload successful${await reload(call)}`,
  status: async ({ where }) => {
    const status = (await callServer(where.data, 'server.status', {})) as ServerStatus;
    const listens = status.listeners.filter(({ service }) => service === 'dns');
    if (listens.length === 0) throw new Fatal('no name server: there is no named.conf in the configuration folder');
    return [
      `version: Posthorn ${ownVersion()}`,
      `running on ${status.hostname}: process ${status.pid}`,
      ...listens.map(({ address, port }) => `listening on ${address}#${port}`),
      'server is up and running',
    ].join('\n');
  },
};

/** Notes follow on lines of their own. */
async function reload({ where }: Call): Promise<string> {
  const { notes } = (await callServer(where.data, 'server.reload', {})) as { readonly notes: readonly string[] };
  return notes.map((note) => `\n- ${note}`).join('');
}

/** Commands of BIND that do something else here, or nothing. */
const OTHERS: ReadonlyMap<string, string> = new Map([
  ['stop', 'mail would stop too; "posthorn stop" stops the whole server'],
  ['halt', 'mail would stop too; "posthorn stop" stops the whole server'],
  ['flush', 'there is no cache: only our own zones are answered'],
  ['querylog', 'queries are not logged'],
]);
