/**
 * Delivery to local accounts: aliases, forwarding, mailboxes. Names and defaults are Postfix 3.7's (postconf(5)).
 */
import {
  account,
  boolean,
  list,
  noMeaning,
  number,
  path,
  type Rows,
  raw,
  rawlist,
  tables,
  text,
  time,
  transport,
  words,
} from './row.ts';

export const localParameters = {
  alias_maps: tables('hash:/etc/aliases', 'Alias tables, `name: targets`, asked for local recipients.'),
  alias_database: tables('hash:/etc/aliases', 'Alias tables that newaliases checks.'),
  local_recipient_maps: tables(
    'proxy:unix:passwd.byname $alias_maps',
    'Where local users are looked up; empty accepts every name.',
  ),
  luser_relay: raw('', 'Who gets mail for local users that do not exist.'),
  forward_path: rawlist(
    '$home/.forward${recipient_delimiter}${extension}, $home/.forward',
    "Where a person's own forwarding stands.",
  ),
  local_transport: transport('local:$myhostname', 'How mydestination is delivered.'),
  mailbox_transport: transport('', 'Another way of delivery for all local users.'),
  mailbox_transport_maps: tables('', 'Another way of delivery for some local users.'),
  fallback_transport: transport('', 'Way of delivery for users that are not here.'),
  fallback_transport_maps: tables('', 'The same for some users only.'),
  mailbox_command: raw(
    '',
    'Program that gets the local mail of users of this machine, with their rights, instead of their mailboxes.',
  ),
  mailbox_command_maps: tables('', 'The same for some users only; asked first.'),
  owner_request_special: boolean('yes', 'Never divide owner-name and name-request if `-` is a recipient_delimiter.'),
  forward_expansion_filter: text(
    '1234567890!@%-_=+:,./abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ',
    'Characters allowed in values that forward_path inserts; others become `_`.',
  ),
  command_time_limit: time('1000s', 'How long a command of aliases, pipe and spawn may run.'),
  export_environment: list('TZ MAIL_CONFIG LANG', 'Environment given to other programs.'),
  show_user_unknown_table_name: boolean('yes', 'Name the table in "User unknown in … table".'),
  mailbox_size_limit: number(
    '51200000',
    'Largest message in a mailbox, octets; at least message_size_limit. 0 has no limit.',
  ),
  allow_mail_to_commands: words(
    ['alias', 'forward', 'include'],
    'alias, forward',
    'Where `"|command"` is allowed: alias, forward, include.',
  ),
  allow_mail_to_files: words(
    ['alias', 'forward', 'include'],
    'alias, forward',
    'Where `/file/name` is allowed: alias, forward, include.',
  ),
  prepend_delivered_header: words(
    ['command', 'file', 'forward'],
    'command, file, forward',
    'Ways of delivery that get a Delivered-To: line; `forward`: mail that is forwarded gets none here.',
  ),
  expand_owner_alias: boolean('no', 'Use what `owner-name` stands for as sender, not the name itself.'),
  local_delivery_status_filter: tables(
    '$default_delivery_status_filter',
    'The same for local(8): commands, files, bounces; not what is put into a mailbox at once.',
  ),
  pipe_delivery_status_filter: tables('$default_delivery_status_filter', 'The same for pipe(8).'),
  frozen_delivered_to: boolean('yes', 'Delivered-To: names the address before aliases, not the alias itself.'),
  local_command_shell: raw('', 'Shell that starts all commands of aliases: `/usr/sbin/smrsh -c`.'),
  command_execution_directory: raw('', 'Folder in which commands of aliases run; empty is queue_directory.'),
  command_expansion_filter: text(
    '1234567890!@%-_=+:,./abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ',
    'Characters allowed in values inserted into commands.',
  ),
  execution_directory_expansion_filter: text(
    '1234567890!@%-_=+:,./abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ',
    'Characters allowed in values inserted into command folders.',
  ),
  default_privs: account('nobody', 'Rights under which commands and files of aliases run.'),
  deliver_lock_attempts: number('20', 'How often a file lock is tried.'),
  deliver_lock_delay: time('1s', 'Time between two tries of a file lock.'),
  stale_lock_time: time('500s', 'Age at which a lock file is taken as left over.'),
  ...noMeaning('mail and queue are kept in the store', {
    home_mailbox: path('', "A person's mailbox relative to the home folder; mail is kept in the store here."),
    strict_mailbox_ownership: boolean('yes', 'Refuse mailbox files of another owner.'),
    require_home_directory: boolean('no', 'Wait with mail for users whose home folder is not there.'),
    sun_mailtool_compatibility: boolean('no', "Old lock files of Sun's mail program."),
  }),
  ...noMeaning('mailboxes are in the store, and files of aliases are locked by a lock file (FILE.lock) only', {
    mailbox_delivery_lock: words(['fcntl', 'flock', 'dotlock'], 'fcntl, dotlock', 'How Postfix locks mailbox files.'),
  }),
  ...noMeaning('what aliases stand for stays one message, and gets no queue files of its own', {
    reset_owner_alias: boolean('no', 'Mail through an alias without an owner loses the owner before it.'),
  }),
  ...noMeaning('there is no comsat service', {
    biff: boolean('yes', 'Tell users of new mail by the comsat service.'),
  }),
  ...noMeaning('no other program is started', {
    import_environment: list(
      'MAIL_CONFIG MAIL_DEBUG MAIL_LOGTAG TZ XAUTHORITY DISPLAY LANG=C POSTLOG_SERVICE POSTLOG_HOSTNAME',
      'Environment taken over from who started Postfix.',
    ),
  }),
} satisfies Rows;
