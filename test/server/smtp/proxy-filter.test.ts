/** A filter before the queue (smtpd_proxy_filter). The same dialogs go to a real Postfix in test/interop/proxy-filter.test.ts. */
import { describe, expect, it, onTestFinished } from 'vitest';
import { readProxySettings } from '../../../src/server/smtp/proxy/settings.ts';
import { openPeer, type Peer, type Script } from '../../interop/scripted-peer.ts';
import type { Handlers } from '../../kit/hooks.ts';
import { parametersOf } from '../../kit/parameters.ts';
import { clientForTest, type House, houseForTest } from './house.ts';

const MESSAGE = 'Subject: s\r\n\r\nbody\r\n.\r\n';

async function filtered(
  script: Script,
  { options = '', hooks = {} }: { readonly options?: string; readonly hooks?: Handlers } = {},
): Promise<{ readonly peer: Peer; readonly house: House; play(...lines: string[]): Promise<string[]> }> {
  const peer = await openPeer(script, { key: '', cert: '' });
  onTestFinished(() => peer.close());
  const settings = readProxySettings(
    parametersOf({
      smtpd_proxy_filter: `127.0.0.1:${peer.port}`,
      smtpd_proxy_options: options,
      smtpd_proxy_timeout: '1s',
    }),
  );
  if (settings === null) throw new Error('no filter');
  const proxy = { settings, temporaryFolder: '/tmp', isLocal: () => true };
  const house = await houseForTest({ hooks, server: { proxy } });
  const client = await clientForTest(house);
  await client.reply();
  return {
    peer,
    house,
    play: async (...lines) => {
      const answers: string[] = [];
      for (const line of lines) answers.push(await client.say(line));
      return answers;
    },
  };
}

const ENVELOPE = ['EHLO c.example', 'MAIL FROM:<a@b.example>', 'RCPT TO:<xixi@baidu.com>'];

describe('P9: a filter before the queue', () => {
  it('the client hears 250 only as the word of the filter, and nothing is kept here', async () => {
    const { peer, house, play } = await filtered({ end: '250 2.0.0 taken by the filter\r\n' });
    expect((await play(...ENVELOPE, 'DATA', MESSAGE)).slice(-1)).toEqual(['250 2.0.0 taken by the filter']);
    expect(house.taken).toEqual([]);
    expect(peer.sessions[0]?.bodies[0]).toMatch(
      /^Received: from c\.example [\s\S]*\r\nSubject: s\r\n\r\nbody(?:\r\n)?$/,
    );
  });

  it.each(['', 'speed_adjust'])('a filter that goes away at the end has taken nothing (%s)', async (options) => {
    const { play } = await filtered({ end: null }, { options });
    expect((await play(...ENVELOPE, 'DATA', MESSAGE)).slice(-1)).toEqual(['451 4.3.0 Error: queue file write error']);
  });

  it('a filter that hangs is left', async () => {
    const { play, house } = await filtered({ RCPT: '' });
    expect((await play(...ENVELOPE)).slice(-1)).toEqual(['451 4.3.0 Error: queue file write error']);
    expect(house.log.some((line) => line.includes('timeout talking to proxy 127.0.0.1:'))).toBe(true);
  });

  it.each(['', 'speed_adjust'])(
    'it does not hear of the end of what plugins refuse, who can read it (%s)',
    async (options) => {
      let seen = '';
      const hooks: Handlers = {
        data_post: async ({ transaction, content }) => {
          for await (const piece of content) seen += Buffer.from(piece).toString();
          return { code: transaction.header === null ? 'NEXT' : 'DENY' };
        },
      };
      const { play, peer } = await filtered({}, { hooks, options });
      expect((await play(...ENVELOPE, 'DATA', MESSAGE)).slice(-1)).toEqual(['550 5.7.1 Message refused']);
      expect(seen).toBe('Subject: s\r\n\r\nbody\r\n');
      expect(peer.sessions.flatMap(({ commands }) => commands)).not.toContain('.');
    },
  );

  it('what is discarded never reaches it, whoever the recipient is', async () => {
    const hooks: Handlers = {
      mail: async ({ connection }) => {
        if (connection.transaction !== null) connection.transaction.discard = 'unwanted';
        return { code: 'NEXT' };
      },
    };
    const { play, peer } = await filtered({}, { hooks });
    const answers = await play(...ENVELOPE, 'RCPT TO:<a@elsewhere.example>', 'DATA', MESSAGE);
    expect(answers.slice(-1)).toEqual(['250 2.0.0 Ok: discarded']);
    expect(peer.sessions).toEqual([]);
  });
});
