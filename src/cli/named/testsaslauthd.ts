/** `testsaslauthd` of Cyrus SASL: whether a login succeeds, asked of the running server. Requirement S3. */
import { callServer, NoServerError } from '../../admin/socket.ts';
import { type Call, type NamedCommand, UsageFault, valuesOf } from './command.ts';

/** What the program returns for -1. */
const REFUSED = 255;

const USAGE =
  'testsaslauthd -u username -p password\n              [-r realm] [-s servicename]\n              [-f socket path] [-R repeatnum]';

export const testsaslauthd: NamedCommand = {
  letters: 'p:u:r:s:f:R:',
  usage: USAGE,
  failure: 1,
  complain: (fault) =>
    [...(fault === null ? [] : [fault.message]), `usage: ${USAGE}`].map((text) => `testsaslauthd: ${text}`).join('\n'),
  async run(call) {
    const [user] = valuesOf(call, 'u');
    const [password] = valuesOf(call, 'p');
    if (user === undefined || password === undefined) throw new UsageFault();
    const [realm] = valuesOf(call, 'r');
    const login = realm === undefined || user.includes('@') ? user : `${user}@${realm}`;
    const times = Math.min(100, Math.max(1, Number(valuesOf(call, 'R').at(-1) ?? 1) || 1));
    let code = 0;
    for (let time = 0; time < times; time += 1) code = await test(call, time, login, password);
    return code;
  },
};

async function test({ where }: Call, time: number, login: string, password: string): Promise<number> {
  try {
    const { address } = (await callServer(where.data, 'login.test', { login, password }, { silence: 60_000 })) as {
      readonly address: string | null;
    };
    console.log(`${time}: ${address === null ? 'NO "authentication failed"' : 'OK "Success."'}`);
    return address === null ? REFUSED : 0;
  } catch (error) {
    if (!(error instanceof NoServerError)) throw error;
    console.error(`connect() : no server is running on ${where.data}`);
    return REFUSED;
  }
}
