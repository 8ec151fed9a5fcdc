/** `plugins.d/bayes.json`. */
import { setting } from '../../src/bus/plugin.ts';

export const SETTINGS = {
  mailbox: setting.text({ pattern: /^[^\0\r\n]{1,200}$/, default: 'Junk' }),
  threshold: setting.number({ min: 0.5, max: 1, default: 0.95 }),
  minimum: setting.number({ min: 1, max: 10_000, whole: true, default: 20 }),
  shared: setting.boolean({ default: true }),
  sharedPerDay: setting.number({ min: 0, max: 1000, whole: true, default: 100 }),
  filed: setting.boolean({ default: true }),
  every: setting.duration({ min: 1, max: 3600, default: 60 }),
} as const;

/** What SETTINGS make of a configuration. */
export interface Settings {
  readonly mailbox: string;
  readonly threshold: number;
  readonly minimum: number;
  readonly shared: boolean;
  readonly sharedPerDay: number;
  readonly filed: boolean;
}
