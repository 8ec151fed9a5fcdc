/** The connection and the transaction as hooks see them (bus/hook.ts): plain data that the session keeps up to date. */

import type { Connection, Transaction } from '../../bus/hook.ts';
import { makeNotes } from '../../bus/notes.ts';
import type { Rewrite } from '../../lookup/address-rewriting.ts';
import type { ParameterReader } from '../../lookup/parameters.ts';
import type { Address } from '../../mail/address.ts';
import type { Envelope, Recipient } from '../../mail/envelope.ts';
import type { Header } from '../../protocol/mime/header.ts';
import type { AttributeValue, ClientAttributes } from '../../protocol/smtp/client-attributes.ts';
import type { MailParameters } from '../../protocol/smtp/esmtp-parameters.ts';

export class ClientConnection implements Connection {
  readonly id: string;
  readonly service: string;
  readonly parameters: ParameterReader;
  local: Connection['local'];
  readonly notes = makeNotes();
  remote: Connection['remote'];
  protocol: Connection['protocol'] = 'SMTP';
  helo: string | null = null;
  tls: Connection['tls'];
  user: Connection['user'] = null;
  pipelined = false;
  transaction: MailTransaction | null = null;
  readonly #wire: { readonly hasInput: boolean };

  constructor(
    start: Pick<Connection, 'id' | 'service' | 'parameters' | 'local' | 'tls'> & {
      readonly ip: string;
      readonly port: number;
      readonly wire: { readonly hasInput: boolean };
    },
  ) {
    this.#wire = start.wire;
    this.id = start.id;
    this.service = start.service;
    this.parameters = start.parameters;
    this.local = start.local;
    this.tls = start.tls;
    this.remote = { ip: start.ip, port: start.port, name: 'unknown', reverseName: 'unknown', nameStatus: 'tempfail' };
  }

  get hasInput(): boolean {
    return this.#wire.hasInput;
  }

  /** XCLIENT. An address that is not known is `unknown`, as in Postfix: no network has it. */
  become(attributes: ClientAttributes): void {
    const given = (name: string, else_: string, unknown: string): string => {
      const attribute = attributes.get(name);
      return attribute === undefined ? else_ : (attribute.value ?? unknown);
    };
    const { remote, local } = this;
    const name = attributes.get('NAME');
    this.remote = {
      ip: given('ADDR', remote.ip, 'unknown'),
      port: Number(given('PORT', String(remote.port), '0')),
      name: given('NAME', remote.name, 'unknown'),
      reverseName: given('REVERSE_NAME', given('NAME', remote.reverseName, 'unknown'), 'unknown'),
      nameStatus: name === undefined ? remote.nameStatus : statusOf(name),
    };
    this.local = {
      ip: given('DESTADDR', local.ip, 'unknown'),
      port: Number(given('DESTPORT', String(local.port), '0')),
    };
    this.helo = attributes.get('HELO')?.value ?? null;
    this.protocol = attributes.get('PROTO')?.value === 'ESMTP' ? 'ESMTP' : 'SMTP';
    this.pipelined = false;
    this.notes.clear();
  }
}

const statusOf = ({ value, temporary }: AttributeValue): Connection['remote']['nameStatus'] =>
  value !== null ? 'ok' : temporary ? 'tempfail' : 'notfound';

export class MailTransaction implements Transaction {
  readonly queueId: string;
  /** As the client gave it. */
  readonly reversePath: Address;
  readonly recipients: Recipient[] = [];
  readonly announcedSize: number;
  readonly smtputf8: boolean;
  size = 0;
  header: Header | null = null;
  readonly notes = makeNotes();
  readonly prepend: string[] = [];
  readonly bcc: Address[] = [];
  redirect: Transaction['redirect'] = null;
  #discard: string | null = null;
  hold: string | null = null;
  filter: string | null = null;
  readonly parameters: MailParameters;
  /**
   * Octets of the message's complete lines so far, for the log; null before DATA or BDAT. Bare LFs count as received.
   */
  receivedLines: number | null = null;
  /** Recipients refused because of the recipient limit (smtpd_recipient_overshoot_limit). */
  overshoot = 0;

  readonly #rewrite: Rewrite;

  /** `rewrite` completes the reverse-path. */
  constructor(queueId: string, reversePath: Address, parameters: MailParameters, rewrite: Rewrite) {
    this.queueId = queueId;
    this.reversePath = reversePath;
    this.#rewrite = rewrite;
    this.announcedSize = parameters.size;
    this.smtputf8 = parameters.smtputf8;
    this.parameters = parameters;
  }

  get discard(): string | null {
    return this.#discard;
  }

  /** Cannot be reset: a discarded message accepts recipients of any domain, so it must not become deliverable again. */
  set discard(reason: string | null) {
    this.#discard ??= reason;
  }

  get envelope(): Envelope {
    const { ret, envid, smtputf8, body } = this.parameters;
    const reversePath = this.#rewrite(this.reversePath);
    return { reversePath, recipients: this.recipients, ret, envid, smtputf8, body };
  }
}
