/**
 * Files messages into folders by their header. The rules are in `plugins.d/filing.json` of the configuration folder;
 * the first that matches counts, a message that no rule matches goes to INBOX. A faulty rule refuses the start or the
 * reload.
 */
import { definePlugin, NEXT } from 'posthorn/plugin';

interface Rule {
  /** A header field's name, in any case of letters. */
  readonly header: string;
  /** What one of the fields of that name must contain, in any case of letters. */
  readonly contains: string;
  /** The folder; made where the account has none of that name. `/` separates levels. */
  readonly folder: string;
  /** IMAP flags to set, such as `\Flagged`. */
  readonly flags?: readonly string[];
}

const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';

function readRules(config: Readonly<Record<string, unknown>>): readonly Rule[] {
  const rules = config['rules'];
  if (!Array.isArray(rules)) throw new Error('plugins.d/filing.json: "rules" must be a list');
  for (const [index, rule] of (rules as Partial<Rule>[]).entries()) {
    const place = `plugins.d/filing.json: rule ${index + 1}`;
    if (!isText(rule.header) || !isText(rule.contains) || !isText(rule.folder))
      throw new Error(`${place} needs "header", "contains" and "folder"`);
    if (rule.flags !== undefined && !(Array.isArray(rule.flags) && rule.flags.every(isText)))
      throw new Error(`${place}: "flags" must be a list of texts`);
  }
  return rules as readonly Rule[];
}

export default definePlugin({
  name: 'filing',
  // A message in the wrong folder is better than one that waits.
  onError: 'pass',
  register(server) {
    const rules = readRules(server.config);
    server.on('deliver', (delivery) => {
      const contains = ({ header, contains }: Rule): boolean =>
        delivery.header.all(header).some((value) => value.toLowerCase().includes(contains.toLowerCase()));
      const rule = rules.find(contains);
      if (rule === undefined) return NEXT;
      delivery.mailbox = rule.folder;
      delivery.flags.push(...(rule.flags ?? []));
      server.log.info({ account: delivery.account.address }, `filed into ${rule.folder} by ${rule.header}`);
      return NEXT;
    });
  },
});
