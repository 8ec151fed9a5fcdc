/** Has messages judged by SpamAssassin's spamd (README.md). */
import { definePlugin, setting } from '../../src/bus/plugin.ts';
import { decodeHeaderText } from '../../src/protocol/mime/header-text.ts';
import { ENDPOINT, endpointOf } from '../scanners/exchange.ts';
import {
  fileMarked,
  type Judgement,
  judgeMail,
  judgeSettings,
  type Message,
  mailboxName,
  sizeOf,
} from '../scanners/judging.ts';
import { fieldsAbove } from './above.ts';
import { judge, type Spam } from './spamd.ts';

const FLAG = 'X-Spam-Flag';
const OURS = /^x-spam-/;
const USER = /^[\x21-\x7e]{1,255}$/;
const MOST_FIELDS = 50;

export default definePlugin({
  name: 'spamassassin',
  // Without it, only more spam is delivered.
  onError: 'pass',
  config: {
    ...judgeSettings({ skip: ['users', 'mynetworks'], max_size: 512_000, on_failure: 'accept' }),
    spamd: setting.text({ ...ENDPOINT, default: 'inet:127.0.0.1:783' }),
    action: setting.oneOf(['junk', 'tag', 'reject'], { default: 'junk' }),
    reject_score: setting.optional(setting.number({ min: -1000, max: 1000 })),
    mailbox: mailboxName,
    user: setting.optional(setting.text({ pattern: USER, expected: 'a name without blanks' })),
    user_by_recipient: setting.boolean({ default: false }),
  },
  register(server) {
    const { spamd, action, reject_score: rejectScore, mailbox, timeout, user, ...more } = server.config;
    const endpoint = endpointOf(spamd);

    /** Whose preferences apply: those of the only recipient, or of everybody. */
    const userOf = ({ transaction: { recipients } }: Message): string | null => {
      const [only, another] = recipients;
      const isOne = more.user_by_recipient && only !== undefined && another === undefined && USER.test(only.address);
      return isOne ? only.address : (user ?? null);
    };
    judgeMail(server, {
      program: 'spamd',
      ours: OURS,
      async judge(message): Promise<Judgement> {
        const { content } = message;
        const above = fieldsAbove(message, server.clock());
        const spam = await judge(
          endpoint,
          { above, content, size: await sizeOf(content), user: userOf(message) },
          timeout,
        );
        const { isSpam, score, required } = spam;
        const why = `spam, score ${score} of ${required}`;
        if (score >= (rejectScore ?? Number.POSITIVE_INFINITY) || (isSpam && action === 'reject'))
          return {
            ...{ result: 'rejected', action: 'reject', why, isBad: true },
            text: `Error: message looks like spam (score ${score})`,
          };
        const how = { action: 'accept', isBad: isSpam, mark: () => mark(message, spam) } as const;
        return isSpam ? { ...how, result: 'spam', why: `${why} (${action})` } : { ...how, result: 'ham', why: '' };
      },
    });
    if (action === 'junk') fileMarked(server, mailbox, (header) => header.get(FLAG) === 'YES');
  },
});

/** Takes over the fields that SpamAssassin has made, and the subject where it has changed it. */
function mark({ transaction, change }: Message, { isSpam, header }: Spam): void {
  // Whether it is spam decides about the folder, whatever local.cf leaves out.
  const made = header.fields.filter(
    ({ name }) => OURS.test(name.toLowerCase()) && name.toLowerCase() !== 'x-spam-flag',
  );
  if (isSpam) change.addHeader(FLAG, 'YES');
  for (const { name, value } of made.slice(0, MOST_FIELDS)) change.addHeader(name, decodeHeaderText(value).trim());
  const subject = header.get('Subject');
  if (isSpam && subject !== null && subject !== transaction.header.get('Subject'))
    change.replaceHeader('Subject', subject);
}
