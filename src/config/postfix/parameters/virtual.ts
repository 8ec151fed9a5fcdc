/** Virtual alias domains and virtual mailbox domains. Names and defaults are Postfix 3.7's (postconf(5)). */
import { domains, noMeaning, number, path, type Rows, tables, transport, words } from './row.ts';

export const virtualParameters = {
  virtual_alias_domains: domains('$virtual_alias_maps', 'Domains whose addresses are only names for others.'),
  virtual_alias_maps: tables('$virtual_maps', 'Who an address stands for: `user@domain`, `user`, `@domain`.'),
  virtual_alias_expansion_limit: number('1000', 'Most addresses that one address may become.'),
  virtual_alias_recursion_limit: number('1000', 'How deep virtual aliases may refer to each other.'),
  virtual_alias_address_length_limit: number('1000', 'Longest address that a virtual alias may make.'),
  virtual_mailbox_domains: domains('$virtual_mailbox_maps', 'Domains with mailboxes of their own.'),
  virtual_mailbox_maps: tables('', 'Existing addresses in virtual_mailbox_domains.'),
  virtual_transport: transport('virtual', 'How virtual mailbox domains are delivered.'),
  virtual_mailbox_limit: number('51200000', 'The same as mailbox_size_limit for virtual_mailbox_domains.'),
  virtual_delivery_status_filter: tables(
    '$default_delivery_status_filter',
    'The same for virtual(8): bounces and what was queued; not what is put into a mailbox at once.',
  ),
  ...noMeaning('mail and queue are kept in the store', {
    virtual_mailbox_base: path('', 'Folder before the paths of virtual_mailbox_maps.'),
    virtual_mailbox_lock: words(['fcntl', 'flock', 'dotlock'], 'fcntl, dotlock', 'How Postfix locks mailbox files.'),
    virtual_minimum_uid: number('100', 'Lowest user id that virtual_uid_maps may give.'),
    virtual_uid_maps: tables('', 'System user of a virtual mailbox.'),
    virtual_gid_maps: tables('', 'System group of a virtual mailbox.'),
  }),
} satisfies Rows;
