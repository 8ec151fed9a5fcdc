/**
 * `reject_*_sender_login_mismatch`: who may use which sender address (smtpd_sender_login_maps, requirement P8). The
 * table is looked up with user@domain, the bare user in our own domains, and @domain; its value lists logins. A login
 * matches by its name as given or by its account.
 */

import { DUNNO, type Outcome, type Question, type Restriction, type Server } from '../../src/bus/plugin.ts';
import { lookUp, mailboxKeys } from '../../src/lookup/address-keys.ts';
import { delimitersOf } from '../../src/lookup/delimiters.ts';
import { addressKey, domainOf, qualify } from '../../src/mail/address.ts';
import { refuse } from './refusal.ts';
import { senderSubject } from './session.ts';

/** The logins that own a sender address; null if no table contains it. */
async function ownersOf(server: Server, question: Question, given: string): Promise<readonly string[] | null> {
  const { parameters } = question.connection;
  const sender = qualify(given, parameters.string('myorigin'));
  const domain = domainOf(sender);
  const origin = parameters.string('myorigin').toLowerCase();
  const bare = domain === origin || (await server.domains.classify(domain)) === 'local';
  const tables = parameters.list('smtpd_sender_login_maps').map((name) => server.tables.open(name));
  const found = await lookUp(tables, mailboxKeys(sender, delimitersOf(parameters), bare));
  return found === null ? null : found.value.split(/[\s,]+/).filter((owner) => owner !== '');
}

function isOwner(owner: string, user: NonNullable<Question['connection']['user']>, origin: string): boolean {
  const name = addressKey(owner);
  const account = addressKey(user.account.address);
  return name === addressKey(user.login) || addressKey(qualify(name, origin)) === account;
}

const SASL_IS_OFF = 'sender_login_mismatch restrictions are ignored where smtpd_sasl_auth_enable = no';

/** `knownOnly`: senders not found in any table have no owner. */
async function mismatch(
  server: Server,
  question: Question,
  which: { readonly loggedIn: boolean; readonly anonymous: boolean; readonly knownOnly: boolean },
): Promise<Outcome> {
  const { sender } = question;
  const { user, parameters } = question.connection;
  // As Postfix, which warns for each mail: where nobody can log in, nobody is refused for not having done so.
  if (!parameters.boolean('smtpd_sasl_auth_enable')) {
    server.log.warn({ session: question.connection.id }, SASL_IS_OFF);
    return DUNNO;
  }
  if (sender === null || sender === '' || parameters.list('smtpd_sender_login_maps').length === 0) return DUNNO;
  if (user === null ? !which.anonymous : !which.loggedIn) return DUNNO;
  const owners = await ownersOf(server, question, sender);
  if (user === null) return owners === null ? DUNNO : refuse(553, '5.7.1', senderSubject(sender), 'not logged in');
  if (owners === null && which.knownOnly) return DUNNO;
  if (owners?.some((owner) => isOwner(owner, user, parameters.string('myorigin'))) === true) return DUNNO;
  return refuse(553, '5.7.1', senderSubject(sender), `not owned by user ${user.login}`);
}

export function loginRestrictions(server: Server): Readonly<Record<string, Restriction>> {
  const row = (loggedIn: boolean, anonymous: boolean, knownOnly: boolean): Restriction => ({
    check: (question) => mismatch(server, question, { loggedIn, anonymous, knownOnly }),
  });
  return {
    reject_sender_login_mismatch: row(true, true, false),
    reject_known_sender_login_mismatch: row(true, true, true),
    reject_authenticated_sender_login_mismatch: row(true, false, false),
    reject_unauthenticated_sender_login_mismatch: row(false, true, false),
  };
}
