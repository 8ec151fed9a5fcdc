/** A location of mail, such as `mbox:~/mail:INBOX=/var/mail/%u`, in its parts; variables are still in them. */

export interface MailLocation {
  readonly format: 'maildir' | 'mbox';
  readonly path: string;
  /** mbox: the file of INBOX; '' where not said. */
  readonly inbox: string;
}

/** Keys that change where a Maildir's or an mbox's own files are, or how mailboxes are named. */
const ELSEWHERE = /^(?:CONTROL|DIRNAME|FULLDIRNAME|MAILBOXDIR|SUBSCRIPTIONS|UTF-8|BROKENCHAR)$/i;
const LAYOUTS = { maildir: 'maildir++', mbox: 'fs' } as const;

/** The parts, or why this location cannot be read here. */
export function parseLocation(text: string): MailLocation | string {
  const [driver = '', path = '', ...rest] = text.split(':');
  const format = driver.toLowerCase();
  if (format !== 'maildir' && format !== 'mbox')
    return path === '' || driver === ''
      ? `"${text.slice(0, 80)}": expected maildir:PATH or mbox:PATH`
      : `${driver.slice(0, 20)} is a format that only Dovecot reads`;
  if (!/^[/~%]/.test(path)) return `"${text.slice(0, 80)}": expected maildir:PATH or mbox:PATH, PATH from / or ~`;
  let inbox = '';
  for (const part of rest) {
    const [, key = '', value = ''] = /^([^=]*)=?(.*)$/s.exec(part) ?? [];
    if (key === 'INBOX' && format === 'mbox') inbox = value;
    else if (key === 'INBOX' || ELSEWHERE.test(key) || (key === 'LAYOUT' && value.toLowerCase() !== LAYOUTS[format]))
      return `a ${format} with "${part.slice(0, 40)}" is not read here`;
  }
  return { format, path, inbox };
}
