/** Which attachments are refused, held or marked, by their names and types, also in ZIP archives (README.md). */
import { type Connection, definePlugin, deny, NEXT, reply, setting } from '../../src/bus/plugin.ts';
import { type Leaf, leavesOf } from './leaves.ts';

/** What runs on a click. */
const PROGRAMS =
  '.bat .chm .cmd .com .cpl .exe .hta .jar .js .jse .lnk .msi .msp .pif .ps1 .reg .scr .vbe .vbs .wsf .wsh'.split(' ');
const FIELD = 'X-Attachment-Warning';

const ending = setting.text({ pattern: /^\.[\x21-\x7e]{1,50}$/, expected: 'an ending such as ".exe"' });
const mediaType = setting.text({
  pattern: /^[\w.+-]+\/(?:[\w.+-]+|\*)$/,
  expected: 'a media type such as "application/zip" or "video/*"',
});

interface Rule {
  readonly endings: readonly string[];
  readonly types: readonly string[];
  readonly unreadable: boolean;
}

export default definePlugin({
  name: 'attachments',
  stateless: true,
  config: {
    rules: setting.list(
      setting.object({
        action: setting.oneOf(['reject', 'hold', 'tag'], { default: 'reject' }),
        endings: setting.list(ending, { default: [] }),
        types: setting.list(mediaType, { default: [] }),
        unreadable: setting.boolean({ default: false }),
      }),
      { default: [{ action: 'reject', endings: PROGRAMS, types: [], unreadable: true }], most: 100 },
    ),
    archives: setting.boolean({ default: true }),
    text: setting.text({ default: 'is not accepted here' }),
  },
  register(server) {
    const { rules, archives, text } = server.config;
    const found = server.metrics.counter('messages_total', 'Messages with attachments of a rule.', ['action']);
    server.on(
      'data_post',
      async ({ transaction, content, change }) => {
        // A mark that the sender has set says nothing.
        if (transaction.header.get(FIELD) !== null) change.removeHeader(FIELD);
        const leaves = await leavesOf(content, archives);
        for (const rule of rules) {
          const what = leaves.map((leaf) => matching(rule, leaf)).find((match) => match !== null);
          if (what === undefined || what === null) continue;
          found.count(rule.action);
          const shown = printable(what);
          if (rule.action === 'reject') return deny(reply(554, '5.7.1', `Error: attachment ${shown} ${text}`));
          server.log.info(
            { queueId: transaction.queueId, action: rule.action },
            `${transaction.queueId}: attachment ${shown}: ${rule.action}`,
          );
          if (rule.action === 'hold') transaction.hold = `attachment ${shown}`;
          else change.addHeader(FIELD, shown);
          return NEXT;
        }
        return NEXT;
      },
      { when: (connection: Connection | null) => connection !== null },
    );
  },
});

/** What of a part a rule is about: a name, an archive with a name in it, a type; null: nothing. */
function matching({ endings, types, unreadable }: Rule, { type, names, inside }: Leaf): string | null {
  const ends = (name: string): boolean => endings.some((one) => saved(name).endsWith(one.toLowerCase()));
  const own = names[0] ?? type;
  const name = names.find(ends);
  if (name !== undefined) return name;
  const within = inside?.find(ends);
  if (within !== undefined) return `${own}: ${within}`;
  if (inside === null && unreadable) return `${own}, whose contents cannot be read,`;
  return types.some((one) => isOfType(type, one.toLowerCase())) ? own : null;
}

/** As a client saves it: Windows drops dots and spaces at the end, and what follows a NUL. */
const saved = (name: string): string =>
  name
    .toLowerCase()
    .replace(/\0[\s\S]*$/, '')
    .replace(/[\s.]+$/, '');

const isOfType = (type: string, wanted: string): boolean =>
  wanted.endsWith('/*') ? type.startsWith(wanted.slice(0, -1)) : type === wanted;

const LONGEST_SHOWN = 100;
const printable = (name: string): string => name.replace(/[^\x20-\x7e]/g, '?').slice(0, LONGEST_SHOWN);
