/** Milters: mail filters of Sendmail's protocol (MILTER_README). */
import { DEFAULT_ACTIONS } from '../../../protocol/milter/specification.ts';
import { choice, hostname, list, milters, type Rows, tables, text, time, words } from './row.ts';

export const milterParameters = {
  smtpd_milters: milters(
    '',
    'Milters for mail that comes by SMTP: inet:host:port, unix:path, or { one, name=value … }.',
  ),
  smtpd_milter_maps: tables('', 'Other milters than smtpd_milters by client address; DISABLE for none.'),
  non_smtpd_milters: milters('', 'Milters for mail that comes by the sendmail command.'),
  milter_default_action: choice(
    DEFAULT_ACTIONS,
    'tempfail',
    'What happens where a milter fails: accept, reject, tempfail, or quarantine into the hold queue.',
  ),
  milter_protocol: words(
    ['2', '3', '4', '6', 'no_header_reply'],
    '6',
    'Version of the protocol: 2, 3, 4 or 6; no_header_reply behind it.',
  ),
  milter_connect_timeout: time('30s', 'How long connecting to a milter may take, and agreeing on the protocol.'),
  milter_command_timeout: time('30s', 'How long a milter may take for a command.'),
  milter_content_timeout: time('300s', 'How long a milter may take for a header field or a piece of a body.'),
  milter_connect_macros: list('j {daemon_name} {daemon_addr} v _', 'Values sent at the connection.'),
  milter_helo_macros: list('{tls_version} {cipher} {cipher_bits} {cert_subject} {cert_issuer}', 'Values sent at HELO.'),
  milter_mail_macros: list(
    'i {auth_type} {auth_authen} {auth_author} {mail_addr} {mail_host} {mail_mailer}',
    'Values sent at MAIL.',
  ),
  milter_rcpt_macros: list('i {rcpt_addr} {rcpt_host} {rcpt_mailer}', 'Values sent at RCPT.'),
  milter_data_macros: list('i', 'Values sent at DATA.'),
  milter_end_of_header_macros: list('i', 'Values sent after the header.'),
  milter_end_of_data_macros: list('i', 'Values sent with header fields, with the body and after the message.'),
  milter_unknown_command_macros: list('', 'Values sent at unknown commands.'),
  milter_macro_daemon_name: hostname('$myhostname', 'Value of {daemon_name}.'),
  milter_macro_v: text('$mail_name $mail_version', 'Value of {v}.'),
  milter_macro_defaults: list('', 'Values for macros that have none: name=value, or {name=value}.'),
  milter_header_checks: tables('', 'Actions by header fields that a milter adds or changes (header_checks).'),
} satisfies Rows;
