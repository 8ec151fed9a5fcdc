/** An IMAP client that sends raw commands with tags. */
import { TestClient } from './line-client.ts';

/** Untagged responses as they came, and the tagged one without its tag. */
export interface Answer {
  readonly untagged: string;
  readonly completion: string;
}

export class ImapClient extends TestClient {
  #tag = 0;

  #nextTag(): string {
    this.#tag += 1;
    return `T${this.#tag}`;
  }

  /** Sends a command, given without its tag. */
  async command(text: string): Promise<Answer> {
    const tag = this.#nextTag();
    this.send(`${tag} ${text}\r\n`);
    return this.completion(tag);
  }

  async completion(tag: string): Promise<Answer> {
    const all = await this.until(new RegExp(`(^|\\r\\n)${tag} [^\\r\\n]*\\r\\n`));
    const at = all.lastIndexOf(`${tag} `);
    return { untagged: all.slice(0, at), completion: all.slice(at + tag.length + 1, -2) };
  }

  /** Returns the untagged responses to a command that must be answered OK. */
  async ok(text: string): Promise<string> {
    const { untagged, completion } = await this.command(text);
    if (!completion.startsWith('OK')) throw new Error(`${text}: ${completion}`);
    return untagged;
  }

  /** APPEND with a synchronizing literal. */
  async append(mailbox: string, message: string, options = ''): Promise<string> {
    const tag = this.#nextTag();
    this.send(`${tag} APPEND ${mailbox} ${options}{${message.length}}\r\n`);
    await this.until(/\+ OK\r\n/);
    this.send(`${message}\r\n`);
    return (await this.completion(tag)).completion;
  }
}
