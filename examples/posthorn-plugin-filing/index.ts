/**
 * Files messages into folders by their header. The rules are in `plugins.d/filing.json` of the configuration folder;
 * the first that matches counts, a message that no rule matches goes to INBOX. A faulty rule refuses the start or the
 * reload.
 */
import { definePlugin, NEXT, setting } from 'posthorn/plugin';

const word = setting.text({ pattern: /./, expected: 'text that is not empty' });

export default definePlugin({
  name: 'filing',
  // A message in the wrong folder is better than one that waits.
  onError: 'pass',
  config: {
    rules: setting.list(
      setting.object({
        /** A header field's name, in any case of letters. */
        header: word,
        /** What one of the fields of that name must contain, in any case of letters. */
        contains: word,
        /** The folder; made where the account has none of that name. `/` separates levels. */
        folder: word,
        /** IMAP flags to set, such as `\Flagged`. */
        flags: setting.list(word, { default: [] }),
      }),
    ),
  },
  register(server) {
    const { rules } = server.config;
    server.on('deliver', (delivery) => {
      const rule = rules.find(({ header, contains }) =>
        delivery.header.all(header).some((value) => value.toLowerCase().includes(contains.toLowerCase())),
      );
      if (rule === undefined) return NEXT;
      delivery.mailbox = rule.folder;
      delivery.flags.push(...rule.flags);
      server.log.info({ account: delivery.account.address }, `filed into ${rule.folder} by ${rule.header}`);
      return NEXT;
    });
  },
});
