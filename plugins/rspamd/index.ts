/** Has messages judged by rspamd (README.md). */
import { definePlugin, setting } from '../../src/bus/plugin.ts';
import { type Action, fileMarked, type Judgement, judgeMail, judgeSettings, mailboxName } from '../scanners/judging.ts';
import { type Answer, readAnswer } from './answer.ts';
import { checkv2 } from './checkv2.ts';
import { envelopeOf } from './envelope.ts';

const MARK = 'X-Spam';

/** What each action of rspamd does. rspamd's module greylist says `soft reject` as long as a message has to wait. */
const MEANINGS: Readonly<Record<Answer['action'], { readonly action: Action; readonly isSpam: boolean }>> = {
  'no action': { action: 'accept', isSpam: false },
  greylist: { action: 'accept', isSpam: false },
  'add header': { action: 'accept', isSpam: true },
  'rewrite subject': { action: 'accept', isSpam: true },
  'soft reject': { action: 'defer', isSpam: false },
  reject: { action: 'reject', isSpam: true },
  quarantine: { action: 'hold', isSpam: true },
  discard: { action: 'discard', isSpam: true },
};
/** In the words of rspamd's milter. */
const TEXTS = { reject: 'Spam message rejected', defer: 'Try again later' } as const;

export default definePlugin({
  name: 'rspamd',
  // Without it, only more spam is delivered.
  onError: 'pass',
  config: {
    ...judgeSettings({ skip: ['users', 'mynetworks'], max_size: 10 * 1024 * 1024, on_failure: 'accept' }),
    url: setting.text({
      pattern: /^https?:\/\/(?:\[[\da-fA-F:.]{2,45}\]|[\w.-]{1,253})(?::\d{1,5})?\/?$/,
      expected: 'where rspamd listens, such as "http://127.0.0.1:11333"',
      default: 'http://127.0.0.1:11333',
    }),
    password: setting.optional(
      setting.text({ pattern: /^[\x21-\x7e]{1,1000}$/, expected: 'a password without blanks' }),
    ),
    spam: setting.oneOf(['junk', 'tag'], { default: 'junk' }),
    reject: setting.boolean({ default: true }),
    mailbox: mailboxName,
  },
  register(server) {
    const { url, password, spam, reject, mailbox, timeout } = server.config;
    const place = new URL('/checkv2', url);
    judgeMail(server, {
      program: 'rspamd',
      ours: /^x-(?:spam|spam-.*|spamd-.*|rspamd-.*)$/,
      async judge(message): Promise<Judgement> {
        const { content, change, transaction } = message;
        const fields = { ...envelopeOf(message), ...(password === undefined ? {} : { Password: password }) };
        const answer = readAnswer(await checkv2({ url: place, fields, content, timeout }));
        const meaning = MEANINGS[answer.action];
        const action = answer.action === 'reject' && !reject ? 'accept' : meaning.action;
        const { score, required } = answer;
        const why = answer.action === 'no action' ? '' : `${answer.action}, score ${score} of ${required}`;
        const mark = (): void => {
          for (const name of answer.removed) change.removeHeader(name);
          for (const { name, value, onTop } of answer.added)
            if (onTop) transaction.prepend.push(`${name}: ${value}`);
            else change.addHeader(name, value);
          if (answer.action === 'rewrite subject' && answer.subject !== null)
            change.replaceHeader('Subject', answer.subject);
          if (meaning.isSpam) change.replaceHeader(MARK, 'Yes');
        };
        const judgement = { result: answer.action, action, why, isBad: meaning.isSpam };
        return action === 'reject' || action === 'defer'
          ? { ...judgement, text: answer.text ?? TEXTS[action] }
          : { ...judgement, mark };
      },
    });
    if (spam === 'junk') fileMarked(server, mailbox, (header) => header.get(MARK) === 'Yes');
  },
});
