/** Words that a tutorial types and that are not needed here: what to type instead, in one line. */

/** What a service manager does to postfix, dovecot, saslauthd or named. */
const ACTIONS: Readonly<Record<string, string>> = {
  start: '"posthorn start" starts all of them',
  stop: '"posthorn stop" stops all of them',
  restart: '"posthorn reload" applies every setting without a restart',
  reload: '"posthorn reload" applies every setting',
  status: '"posthorn status" shows the server',
  enable: '"systemctl enable posthorn" starts the server with the machine',
};

const UNIT = 'as a service of systemd it is called posthorn (docs/operations/install.md)';

function service(words: readonly string[]): string {
  const action = words.map((word) => ACTIONS[word]).find((text) => text !== undefined);
  return `postfix, dovecot, saslauthd and named are one server here: ${action ?? '"posthorn start", "reload", "stop" and "status"'}; ${UNIT}`;
}

const NEEDS_UNIT = `not needed: "systemctl enable posthorn" starts the server with the machine; ${UNIT}`;

const NEEDLESS: Readonly<Record<string, (words: readonly string[]) => string>> = {
  systemctl: service,
  service,
  restart: () => ACTIONS['restart'] ?? '',
  abort: () => '"posthorn stop" ends the server; "posthorn postfix abort" too',
  dovecot: () => 'POP3 and IMAP are served by the same process: "posthorn start" starts all of them',
  named: () => 'the name server is in the same process: "posthorn start" starts all of them',
  chkconfig: () => NEEDS_UNIT,
  'update-rc.d': () => NEEDS_UNIT,
  saslauthd: () =>
    'not needed: the server checks passwords itself; "posthorn testsaslauthd -u USER -p PASSWORD" tries one',
  saslpasswd2: () =>
    'not needed: "posthorn user add USER" makes the account for sending and reading mail; "posthorn user passwd USER" changes its password',
  sasldblistusers2: () => '"posthorn user list" lists the accounts',
  useradd: () =>
    'users of the system need no mailbox here: "posthorn user add USER" makes the account with its mailboxes',
  adduser: () =>
    'users of the system need no mailbox here: "posthorn user add USER" makes the account with its mailboxes',
  userdel: () => '"posthorn user remove USER" removes an account with its mail; "posthorn user disable USER" keeps it',
  passwd: () => '"posthorn user passwd USER" changes the password of an account',
  chpasswd: () => '"posthorn user passwd USER --password-stdin" reads a password from standard input',
  htpasswd: () => '"posthorn user passwd USER --password-stdin" reads a password from standard input',
  dovecotpw: () => '"posthorn doveadm pw" hashes a password',
  mail: () =>
    'mail programs are used as they are: they send by "posthorn sendmail" and read by IMAP (docs/commands.md)',
  telnet: () => 'telnet and nc are used as they are; "posthorn status" shows the ports',
  postdrop: () => 'not needed: "posthorn sendmail" keeps a message until the server accepts it',
  postmulti: () => 'not needed: "posthorn start --config DIR --data DIR" starts another server beside this one',
  postkick: () => 'not needed: "posthorn queue flush" tries now what waits',
  saslfinger: () => '"posthorn check" says what the configuration means; "posthorn testsaslauthd" tries a login',
};

/** Undefined for other words. */
export function needless(word: string, words: readonly string[]): string | undefined {
  if (/^\/etc\/(?:rc\.d\/)?init\.d\//.test(word)) return `${word}: ${service(words)}`;
  return Object.hasOwn(NEEDLESS, word) ? `${word}: ${NEEDLESS[word]?.(words)}` : undefined;
}
