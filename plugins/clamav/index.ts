/** Has messages searched for viruses by ClamAV's clamd (README.md). */
import { definePlugin, setting } from '../../src/bus/plugin.ts';
import { ENDPOINT, endpointOf } from '../scanners/exchange.ts';
import { fileMarked, type Judgement, judgeMail, judgeSettings, mailboxName } from '../scanners/judging.ts';
import { scan } from './clamd.ts';

const STATUS = 'X-Virus-Status';
const TOO_LONG = "longer than clamd's StreamMaxLength, not searched for viruses";

export default definePlugin({
  name: 'clamav',
  config: {
    ...judgeSettings({ skip: [], max_size: 25 * 1024 * 1024, on_failure: 'defer' }),
    clamd: setting.text({ ...ENDPOINT, default: 'unix:/run/clamav/clamd.ctl' }),
    action: setting.oneOf(['reject', 'tag', 'quarantine', 'hold'], { default: 'reject' }),
    mailbox: mailboxName,
  },
  register(server) {
    const { clamd, action, mailbox, timeout } = server.config;
    const endpoint = endpointOf(clamd);
    judgeMail(server, {
      program: 'clamd',
      ours: /^x-virus-(?:status|scanned)$/,
      async judge({ content, change }): Promise<Judgement> {
        const { result, virus } = await scan(endpoint, content, timeout);
        if (result === 'too_big') return { result, action: 'accept', why: TOO_LONG, isBad: false };
        if (result === 'clean')
          return { result, action: 'accept', why: '', isBad: false, mark: () => change.addHeader(STATUS, 'Clean') };
        if (action === 'reject')
          return { result, action, why: `virus ${virus}`, text: `Error: virus ${virus} found`, isBad: true };
        return {
          result,
          action: action === 'hold' ? 'hold' : 'accept',
          why: `virus ${virus} (${action})`,
          isBad: true,
          mark: () => change.addHeader(STATUS, `Infected (${virus})`),
        };
      },
    });
    if (action === 'quarantine')
      fileMarked(server, mailbox, (header) => header.get(STATUS)?.startsWith('Infected') === true);
  },
});
