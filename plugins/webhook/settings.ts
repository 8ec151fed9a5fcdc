/** `plugins.d/webhook.json`. */
import { setting } from '../../src/bus/plugin.ts';

/** What may be told, each by the hook or hooks of events.ts. */
const EVENTS = ['accepted', 'delivered', 'deferred', 'bounced', 'appended', 'login'] as const;
export type EventName = (typeof EVENTS)[number];

/** Without TLS only to this machine. */
const URLS =
  /^(?:https:\/\/[^\s]+|http:\/\/(?:127\.\d{1,3}\.\d{1,3}\.\d{1,3}|localhost|\[::1\])(?::\d{1,5})?(?:[/?][^\s]*)?)$/i;

export const SETTINGS = {
  url: setting.text({
    pattern: URLS,
    expected: 'an https:// URL, or an http:// URL of this machine (127.0.0.1, localhost)',
  }),
  secret: setting.text({ pattern: /^.{16,1000}$/s, expected: 'a secret of at least 16 characters' }),
  events: setting.list<EventName>(setting.oneOf(EVENTS), { default: ['accepted', 'delivered', 'deferred', 'bounced'] }),
  timeout: setting.duration({ min: 1, max: 60, default: 10 }),
  keep: setting.duration({ min: 60, max: 7 * 86_400, default: 86_400 }),
} as const;
