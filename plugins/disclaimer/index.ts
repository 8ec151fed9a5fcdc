/** Adds a text to mail that our users send (README.md). */
import { type Connection, definePlugin, type HookArguments, NEXT, type Server, setting } from '../../src/bus/plugin.ts';
import { isHere } from '../../src/lookup/domains.ts';
import { trustedClients } from '../../src/lookup/trusted-clients.ts';
import { domainOf } from '../../src/mail/address.ts';
import { MessageIndexer } from '../../src/protocol/mime/indexer.ts';
import { type Wording, withDisclaimer } from './edit.ts';
import { placesIn } from './places.ts';
import { type Replacement, rangeOf, replaced, replacementOf } from './rewrite.ts';

/** Octets; a longer text is left alone. */
const LONGEST_PART = 1024 * 1024;

type Message = HookArguments['data_post'];
type Result = 'added' | 'there already' | 'sealed' | 'no text' | 'too long';

export default definePlugin({
  name: 'disclaimer',
  stateless: true,
  // Mail is not held up for want of it.
  onError: 'pass',
  config: {
    disclaimers: setting.map(
      setting.object({
        text: setting.text({ pattern: /\S/, expected: 'the text to add' }),
        html: setting.optional(setting.text({ pattern: /\S/, expected: 'the text to add to HTML' })),
      }),
      { default: {} },
    ),
    to: setting.oneOf(['all', 'outside'], { default: 'all' }),
  },
  register(server) {
    const { config } = server;
    const wordings = new Map(
      Object.entries(config.disclaimers).map(([domain, { text, html = htmlOf(text) }]) => [
        domain.toLowerCase(),
        { text, html },
      ]),
    );
    const isOurUser = senderCheck(server);
    const counted = server.metrics.counter('messages_total', 'Messages of our users.', ['result']);

    async function goesOutside({ transaction }: Message): Promise<boolean> {
      for (const { address } of transaction.recipients) if (!(await isHere(server.domains, address))) return true;
      return false;
    }
    async function add(message: Message, wording: Wording): Promise<Result> {
      const { content, change } = message;
      const indexer = new MessageIndexer();
      for await (const piece of content) indexer.write(piece);
      const { root } = indexer.end();
      const places = placesIn(root);
      if (places === null) return 'sealed';
      if (places.length === 0) return 'no text';
      if (places.some(({ bodyStart, bodyEnd }) => bodyEnd - bodyStart > LONGEST_PART)) return 'too long';
      const replacements: Replacement[] = [];
      for (const part of places) {
        const octets = await rangeOf(content, part.headerStart, part.bodyEnd);
        const head = octets.subarray(0, part.bodyStart - part.headerStart);
        const edited = withDisclaimer(part, octets.subarray(head.length), wording);
        if (edited === null) return 'there already';
        if (part !== root) replacements.push(replacementOf(part, head, edited));
        else {
          replacements.push({ start: part.bodyStart, end: part.bodyEnd, octets: edited.body });
          if (edited.fields === null) continue;
          change.replaceHeader('MIME-Version', '1.0');
          change.replaceHeader('Content-Type', edited.fields.type);
          change.replaceHeader('Content-Transfer-Encoding', edited.fields.encoding);
        }
      }
      await change.replaceBody((body) => replaced(body, root.bodyStart, replacements));
      return 'added';
    }

    server.on(
      'data_post',
      async (message) => {
        const { connection, transaction } = message;
        const wording = wordings.get(domainOf(transaction.reversePath)) ?? wordings.get('*');
        if (wording === undefined || !(await isOurUser(connection, transaction.reversePath))) return NEXT;
        if (config.to === 'outside' && !(await goesOutside(message))) return NEXT;
        const result = await add(message, wording);
        counted.count(result);
        const { queueId } = transaction;
        if (result !== 'added' && result !== 'there already')
          server.log.info({ queueId }, `${queueId}: no disclaimer: ${result}`);
        return NEXT;
      },
      // Behind those that judge a message.
      { priority: 50 },
    );
  },
});

/** Who sends from one of our domains, and may: a user, a program of this machine, a client in mynetworks. */
function senderCheck(server: Server<unknown>): (connection: Connection | null, sender: string) => Promise<boolean> {
  const isTrusted = trustedClients(server, []);
  return async (connection, sender) =>
    (await isHere(server.domains, sender)) && (connection === null || (await isTrusted(connection)));
}

const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };
const htmlOf = (text: string): string =>
  `<p>${text
    .trim()
    .replace(/[&<>]/g, (character) => ESCAPES[character] ?? character)
    .replace(/\r\n|\r|\n/g, '<br>\r\n')}</p>`;
