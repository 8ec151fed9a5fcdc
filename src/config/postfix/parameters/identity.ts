/**
 * The identity of this server: names, networks, its own domains, addresses to listen on. Names and defaults are Postfix
 * 3.7's (postconf(5)).
 */
import {
  account,
  boolean,
  choice,
  domains,
  filetext,
  hostname,
  interfaces,
  level,
  list,
  networks,
  noMeaning,
  number,
  path,
  ports,
  type Rows,
  tables,
  text,
  word,
  words,
} from './row.ts';

export const identityParameters = {
  compatibility_level: level('0', 'Which generation of defaults applies; a file without it is at level 0.'),
  myhostname: { ...hostname('', 'The full name of this server, used in greetings and Received: lines.'), empty: false },
  mydomain: { ...hostname('', 'The domain of this server: myhostname without its first label.'), empty: false },
  myorigin: filetext(
    '$myhostname',
    'What is put after addresses that have no domain; a file name means its first line.',
  ),
  mydestination: domains(
    '$myhostname, localhost.$mydomain, localhost',
    'Domains whose mail is delivered into accounts of this server.',
  ),
  mynetworks: networks('', 'Clients that are trusted to relay: networks, !networks, files and tables.'),
  mynetworks_style: choice(['host', 'subnet', 'class'], 'host', 'How mynetworks is made where it is not set.'),
  inet_interfaces: interfaces('loopback-only', 'Addresses to listen at: all, loopback-only, or a list of addresses.'),
  inet_protocols: words(['all', 'ipv4', 'ipv6'], 'all', 'Which protocols are used: all, ipv4, ipv6.'),
  proxy_interfaces: interfaces(
    '',
    'Addresses by which the world knows us behind a proxy or NAT; they count as our own.',
  ),
  relay_domains: domains(
    '${{$compatibility_level} <level {2} ? {$mydestination} : {}}',
    'Domains that mail is taken for and passed on, beside our own.',
  ),
  relay_recipient_maps: tables('', 'Existing addresses in relay_domains; empty takes every address.'),
  mail_name: text('Posthorn', 'The name of the mail system in greetings.'),
  mail_version: word('0.2.0', 'The version of the mail system.'),
  mail_owner: account('postfix', 'The account that the process becomes after it has bound its ports.'),
  config_directory: path('', 'The folder of the configuration files.'),
  data_directory: path('/var/lib/posthorn', 'The folder in which the store, made certificates and caches are kept.'),
  recipient_delimiter: word('', 'Characters that divide user+detail.'),
  parent_domain_matches_subdomains: list(
    'debug_peer_list,fast_flush_domains,mynetworks,permit_mx_backup_networks,qmqpd_authorized_clients,relay_domains,smtpd_access_maps',
    'Lists in which a domain stands for its subdomains too.',
  ),
  smtputf8_enable: boolean(
    '${{$compatibility_level} <level {1} ? {no} : {yes}}',
    'Whether SMTPUTF8 (RFC 6531) is offered and addresses may be UTF-8.',
  ),
  stress: text('', 'Not empty while the server is overloaded.'),
  helpful_warnings: boolean('yes', 'Warn of settings that are likely mistakes.'),
  strict_smtputf8: boolean('no', 'Refuse UTF-8 in addresses where SMTPUTF8 was not asked for.'),
  soft_bounce: boolean('no', 'Turns every final refusal into "try again later", for trying a configuration out.'),
  multi_instance_name: word('', 'Name of this server where several run on a machine: syslog_name takes it.'),
  syslog_name: word(
    '${multi_instance_name?{$multi_instance_name}:{postfix}}',
    "What stands before the part's name in log lines.",
  ),
  maillog_file: path('', 'A file for log lines as text, or /dev/stdout; the data folder has them as JSON.'),
  maillog_file_prefixes: list('/var, /dev/stdout', 'What maillog_file may begin with.'),
  maillog_file_rotate_suffix: word('%Y%m%d-%H%M%S', 'How `postfix logrotate` names old files, by date(1).'),
  ...noMeaning('the programs and manuals of Postfix are not used', {
    mail_release_date: number('20240304', 'The day of the release whose parameters these are.'),
  }),
  queue_directory: path(
    '/var/spool/postfix',
    'Where UNIX sockets without a leading / are, as in Postfix; the queue itself is part of the store.',
  ),
  ...noMeaning('mail and queue are kept in the store', {
    setgid_group: account('postdrop', 'Group that may submit mail by command in Postfix.'),
    mail_spool_directory: path('/var/mail', 'Where Postfix keeps mailbox files.'),
  }),
  ...noMeaning('the log is written to a file of the data folder', {
    syslog_facility: word('mail', 'Where Postfix sends its log.'),
  }),
  ...noMeaning('no other program is started', {
    maillog_file_compressor: word('gzip', 'Program that Postfix compresses old log files with.'),
  }),
  ...noMeaning('only postscreen writes such lines', {
    respectful_logging: boolean(
      '${{$compatibility_level} <level {3.6} ? {no} : {yes}}',
      'Words of log lines since level 3.6.',
    ),
  }),
  ...noMeaning("names are converted by Node's rules, those of UTS 46 without the old exceptions", {
    enable_idna2003_compatibility: boolean('no', 'Old rules for international domain names.'),
  }),
  info_log_address_format: choice(
    ['external', 'internal'],
    'external',
    'Addresses in log lines: with the quotes of their local parts, or without.',
  ),
  known_tcp_ports: ports(
    'lmtp=24, smtp=25, smtps=submissions=465, submission=587',
    'Names of ports in next hops and rows of master.cf, as `name=number`; read before services(5).',
  ),
  smtputf8_autodetect_classes: words(
    ['sendmail', 'smtpd', 'qmqpd', 'forward', 'bounce', 'notify', 'verify', 'all'],
    'sendmail, verify',
    'Mail that is looked at to find whether it needs SMTPUTF8; `qmqpd` and `forward` name no mail here.',
  ),
} satisfies Rows;
