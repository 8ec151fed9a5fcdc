/** Watches for accounts that must not stay logged in: removed, disabled, or with a new password. */
import type { Account } from '../../mail/account.ts';
import type { Directory } from '../../store/directory.ts';

/** Why a session ends, as text for a reply and a log line. */
export type AccountEnd = 'Account was removed' | 'Account was disabled' | 'Password was changed';

/**
 * Calls back once when the sessions of the account have to end. The returned function stops the watch. Dovecot leaves
 * sessions open until `doveadm kick`, even after a password change; here a new password ends them, because it usually
 * means that someone else knows the old one. Clients that know the new one reconnect at once.
 */
export function watchAccount(
  directory: Pick<Directory, 'watch'>,
  account: Account,
  onEnd: (why: AccountEnd) => void,
): () => void {
  const stop = directory.watch(account.id, (now) => {
    const why = endOf(account, now);
    if (why === null) return;
    stop();
    onEnd(why);
  });
  return stop;
}

function endOf(account: Account, now: Account | null): AccountEnd | null {
  if (now === null) return 'Account was removed';
  if (now.disabled) return 'Account was disabled';
  return now.passwordHash === account.passwordHash ? null : 'Password was changed';
}
