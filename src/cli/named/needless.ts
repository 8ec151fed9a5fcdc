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

const NEEDLESS: Readonly<Record<string, (words: readonly string[]) => string>> = {
  systemctl: service,
  service,
  chkconfig: () => `not needed: "systemctl enable posthorn" starts the server with the machine; ${UNIT}`,
  'update-rc.d': () => `not needed: "systemctl enable posthorn" starts the server with the machine; ${UNIT}`,
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
  postdrop: () => 'not needed: "posthorn sendmail" keeps a message until the server accepts it',
  postmulti: () => 'not needed: "posthorn start --config DIR --data DIR" starts another server beside this one',
  postkick: () => 'not needed: "posthorn queue flush" tries now what waits',
  saslfinger: () => '"posthorn check" says what the configuration means; "posthorn testsaslauthd" tries a login',
};

/** Undefined for other words. */
export function needless(word: string, words: readonly string[]): string | undefined {
  return Object.hasOwn(NEEDLESS, word) ? `${word}: ${NEEDLESS[word]?.(words)}` : undefined;
}
