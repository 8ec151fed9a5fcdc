/**
 * The dialog with the filter before the queue: one connection for each message. What the filter says goes to the client
 * as it is; what cannot be said to a client becomes `451 4.3.0`. Never rejects.
 *
 * Guarantees: every wait has a limit (smtpd_proxy_timeout), replies are read within limits (reply-reader.ts), and a
 * message is ended only by `end`: a connection that is closed earlier leaves the filter with an incomplete one.
 */

import { connectTo } from '../../../delivery/client/connect.ts';
import { ConnectionFault, PeerConnection } from '../../../delivery/client/peer-connection.ts';
import { messageOf } from '../../../errors.ts';
import type { ClientOrigin } from '../../../mail/client-origin.ts';
import { type Reply, reply } from '../../../mail/status.ts';
import { INTERNAL_ERROR } from '../../../protocol/smtp/replies.ts';
import type { PeerReply } from '../../../protocol/smtp/reply-reader.ts';
import type { ProxySettings } from './settings.ts';
import { offeredAttributes, xforwardLines } from './xforward.ts';

const QUIT_TIMEOUT = 1_000;

export class FilterDialog {
  readonly #settings: ProxySettings;
  readonly #warn: (words: string) => void;
  readonly #connection: PeerConnection;
  /** Between DATA and the end of the message. */
  #inData = false;
  #isBroken = false;

  private constructor(settings: ProxySettings, warn: (words: string) => void, connection: PeerConnection) {
    this.#settings = settings;
    this.#warn = warn;
    this.#connection = connection;
  }

  /** Up to the reply to MAIL; a Reply is for the client, and nothing is open. `mail`: the command's line. */
  static async open(
    settings: ProxySettings,
    warn: (words: string) => void,
    origin: ClientOrigin,
    mail: string,
  ): Promise<FilterDialog | Reply> {
    const { endpoint, timeout, name } = settings;
    const place =
      'path' in endpoint
        ? { ip: '', port: 0, path: endpoint.path }
        : { ip: endpoint.host, port: endpoint.port, path: null };
    let dialog: FilterDialog;
    try {
      const socket = await connectTo({ ...place, localAddress: '', timeout, signal: new AbortController().signal });
      dialog = new FilterDialog(settings, warn, new PeerConnection(socket, null));
    } catch (error) {
      warn(`connect to proxy filter ${name}: ${messageOf(error)}`);
      return INTERNAL_ERROR;
    }
    const refusal = await dialog.#begin(origin, mail);
    if (refusal === null) return dialog;
    dialog.close();
    return refusal;
  }

  async #begin(origin: ClientOrigin, mail: string): Promise<Reply | null> {
    const { heloName } = this.#settings;
    if (!(await this.#isFine(null, 'connection request'))) return INTERNAL_ERROR;
    const ehlo = `EHLO ${heloName}`;
    const offer = await this.#isFine(ehlo, ehlo);
    if (offer === null) return INTERNAL_ERROR;
    for (const line of xforwardLines(origin, offeredAttributes(offer)))
      if ((await this.#isFine(line, line)) === null) return INTERNAL_ERROR;
    return this.command(mail, 2);
  }

  /** Null unless the reply is 2xx. */
  async #isFine(line: string | null, words: string): Promise<PeerReply | null> {
    const answer = await this.#ask(line);
    if (answer === null || kindOf(answer) === 2) return answer;
    this.#tell(words, answer);
    return null;
  }

  /** Null if the reply is of the kind that goes on; otherwise what the client hears. */
  async command(line: string, goesOn: 2 | 3): Promise<Reply | null> {
    const answer = await this.#ask(line);
    if (answer === null) return INTERNAL_ERROR;
    if (kindOf(answer) === goesOn) {
      this.#inData = goesOn === 3;
      return null;
    }
    this.#tell(line, answer);
    return kindOf(answer) === 4 || kindOf(answer) === 5 ? relayed(answer) : INTERNAL_ERROR;
  }

  /** Octets of the message, dot-stuffed. Resolves when more may be written. */
  async write(octets: readonly Uint8Array[]): Promise<void> {
    if (this.#isBroken) return;
    try {
      await this.#connection.write(octets, this.#settings.timeout);
    } catch (error) {
      this.#break(error);
    }
  }

  /** The message is complete: the filter's word is the client's reply. */
  async end(): Promise<Reply> {
    const answer = await this.#ask('.');
    this.#inData = false;
    return answer === null ? INTERNAL_ERROR : relayed(answer);
  }

  close(): void {
    // Within the message a QUIT would be text of it.
    if (this.#inData || this.#isBroken) this.#connection.destroy();
    else this.#connection.quit(QUIT_TIMEOUT);
  }

  /** Null if there will be no reply, which is logged. `line`: null for the greeting. */
  async #ask(line: string | null): Promise<PeerReply | null> {
    if (this.#isBroken) return null;
    try {
      if (line !== null) this.#connection.send([line]);
      const answer = await this.#connection.reply(this.#settings.timeout);
      if (!answer.odd) return answer;
      // Not to be trusted, and nothing for a client to read.
      const [garbage = ''] = answer.lines;
      this.#warn(`received garbage from proxy ${this.#settings.name}: ${garbage.slice(0, 100)}`);
      return null;
    } catch (error) {
      this.#break(error);
      return null;
    }
  }

  #break(error: unknown): void {
    if (!(error instanceof ConnectionFault)) throw error;
    this.#isBroken = true;
    const { name } = this.#settings;
    this.#warn(error.kind === 'timeout' ? `timeout talking to proxy ${name}` : `lost connection with proxy ${name}`);
  }

  #tell(words: string, answer: PeerReply): void {
    this.#warn(`proxy ${this.#settings.name} rejected "${words}": "${answer.lines.join('??')}"`);
  }
}

const kindOf = ({ code }: PeerReply): number => Math.floor(code / 100);

const ENHANCED = /^[245]\.\d{1,3}\.\d{1,3}(?= |$)/;

function relayed({ code, lines }: PeerReply): Reply {
  const texts = lines.map((line) => line.slice(4));
  const enhanced = ENHANCED.exec(texts[0] ?? '')?.[0] ?? '';
  const isOnAll = enhanced !== '' && texts.every((text) => text === enhanced || text.startsWith(`${enhanced} `));
  return isOnAll
    ? reply(code, enhanced, texts.map((text) => text.slice(enhanced.length + 1)).join('\n'))
    : reply(code, '', texts.join('\n'));
}
