/** An account that may not stay logged in: it was removed, disabled, or has a new password. */
import type { Account } from '../../mail/account.ts';
import type { Directory } from '../../store/directory.ts';

/** Why a session ends; fit for a reply and a log line. */
export type AccountEnd = 'Account was removed' | 'Account was disabled' | 'Password was changed';

/**
 * Calls back once when sessions of the account have to end. The result ends the watch. Dovecot leaves sessions open
 * until
 * `doveadm kick`, also behind a new password; here a new password, which is given mostly because somebody else knows
 * the old one, ends them: clients that know it come back at once.
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
