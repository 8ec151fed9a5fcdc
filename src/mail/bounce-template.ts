/** What notifications say (bounce(5)). */

export const TEMPLATE_NAMES = ['failure', 'delay', 'success', 'verify'] as const;
export type TemplateName = (typeof TEMPLATE_NAMES)[number];

export interface BounceTemplate {
  readonly charset: string;
  readonly from: string;
  readonly subject: string;
  /** Of the postmaster's copy; '' where there is none. */
  readonly postmasterSubject: string;
  /** In the charset; lines end with LF, every `$name` is replaced. */
  readonly text: Buffer;
}

export type BounceTemplates = Readonly<Record<TemplateName, BounceTemplate>>;
