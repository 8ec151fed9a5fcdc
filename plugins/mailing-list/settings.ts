/** `plugins.d/mailing-list.json`. */
import { setting } from '../../src/bus/plugin.ts';

const HOUR = 3_600;
const DAY = 24 * HOUR;

const address = () => setting.text({ pattern: /^[^\s<>@\0]{1,64}@[^\s<>@\0]{1,255}$/, expected: 'an address' });
/** Words for a header field: they are written as they are. */
const words = (fallback: string) =>
  setting.text({ pattern: /^[ -~]{0,200}$/, expected: 'at most 200 characters of US-ASCII', default: fallback });
const url = (expected: string) => setting.optional(setting.text({ pattern: /^https:\/\/[!-;=?-~]{1,500}$/, expected }));

export const SETTINGS = {
  lists: setting.map(
    setting.object({
      name: words(''),
      description: words(''),
      owners: setting.list(address()),
      posts: setting.oneOf(['members', 'anyone', 'moderators'], { default: 'members' }),
      moderators: setting.list(address(), { default: [] }),
      subscription: setting.oneOf(['open', 'closed'], { default: 'open' }),
      prefix: words(''),
      reply_to_list: setting.boolean({ default: false }),
      dmarc_mitigation: setting.oneOf(['none', 'munge_from'], { default: 'none' }),
      max_size: setting.number({ default: 1_000_000, min: 1_000, max: 100_000_000, whole: true }),
      archive: url('an https:// URL'),
      members: setting.optional(setting.text()),
    }),
  ),
  url: url('the https:// URL under which /plugins/mailing-list/ of metrics_listen is reached'),
  personal_up_to: setting.number({ default: 200, min: 0, max: 500, whole: true }),
  confirm_within: setting.duration({ default: 3 * DAY, min: HOUR, max: 30 * DAY }),
  answers_per_day: setting.number({ default: 5, min: 1, max: 100, whole: true }),
  bounces: setting.object({
    most: setting.number({ default: 5, min: 1, max: 100 }),
    within: setting.duration({ default: 14 * DAY, min: DAY, max: 90 * DAY }),
    soft: setting.number({ default: 0.25, min: 0, max: 1 }),
  }),
} as const;

/** Also what `setting.map` gives for one list. */
export interface ListSettings {
  readonly name: string;
  readonly description: string;
  readonly owners: readonly string[];
  readonly posts: 'members' | 'anyone' | 'moderators';
  readonly moderators: readonly string[];
  readonly subscription: 'open' | 'closed';
  readonly prefix: string;
  readonly reply_to_list: boolean;
  readonly dmarc_mitigation: 'none' | 'munge_from';
  readonly max_size: number;
  readonly archive: string | undefined;
  readonly members: string | undefined;
}
