/** Posthorn's own parameters, which Postfix does not have. Postfix ignores them with a warning. */
import { boolean, choice, interfaces, listener, processes, type Rows, store, time } from './row.ts';

export const posthornParameters = {
  auto_create_accounts: boolean(
    'no',
    'Make the account of a user that `virtual_mailbox_maps` or `local_recipient_maps` names with the first message for it, without a password. Rows for whole domains and tables of patterns name nobody. With `no`, such mail is refused (550 5.1.1).',
  ),
  imap_forwarding: boolean(
    'yes',
    'Users may set over IMAP where their mail is forwarded: the annotation `/private/vendor/posthorn/forward` of METADATA-SERVER (RFC 5464). With `no` they only see it; `posthorn user forward` and forwarding files stay.',
  ),
  expunged_retention_time: time(
    '0s',
    'How long messages that users expunged, and those of mailboxes that they deleted, can be brought back with `posthorn undelete`. No user sees them and no quota counts them, but they take space. With `0` they are gone at once, and a reload removes those that were kept.',
  ),
  front_processes: processes(
    'auto',
    'How many processes serve SMTP, IMAP, POP3, DNS and HTTPS on the same ports: a number, or `auto`, one for each processor with a MongoDB store and otherwise one. Several need a MongoDB store.',
  ),
  http_interfaces: interfaces(
    '$inet_interfaces',
    'Where the folder `www` is served over HTTPS, a folder for each host name.',
  ),
  http_redirect: boolean(
    'yes',
    'Where `www` is served, answer on port 80 too: with a redirect to HTTPS, and in clear text only with the files of `/.well-known/acme-challenge/`.',
  ),
  mail_store: store(
    'sqlite',
    'Where accounts, mail and the queue are: `sqlite` (a file in the data folder, for one process), or the URI of a MongoDB database, `mongodb://user:password@host,host/database`, which several servers may share. Takes effect at a start.',
  ),
  metrics_listen: listener(
    '',
    'Where Prometheus asks for metrics and plugins answer over HTTP, without a login: `127.0.0.1:9154`, `[::1]:9154`, `unix:/path`. Empty: nowhere.',
  ),
  smtp_tls_mta_sts: boolean(
    'no',
    'Obey the policies by which domains say that mail to them must leave encrypted, and to which hosts (MTA-STS, RFC 8461). What `smtp_tls_policy_maps` say of a domain wins, and so does DANE.',
  ),
  unsupported_parameters: choice(
    ['refuse', 'warn'],
    'refuse',
    'What a start does where a parameter is set that guards something and is not supported yet: `warn` reports it and starts.',
  ),
} satisfies Rows;
