/** A private Dovecot: its own folders, one IMAP port on loopback, one static account, no TLS. */
import { chmodSync, chownSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LineClient } from '../../src/lab/line-client.ts';
import { removeFolder, temporaryFolder } from '../kit/folder.ts';
import { wholeLines } from '../kit/json-lines.ts';
import { freePort, ran, startDaemon } from './program.ts';

export interface Dovecot {
  readonly port: number;
  /** Its dovecot.conf. */
  readonly configuration: string;
  /** All complete lines of its log so far. */
  said(): string;
  stop(): Promise<void>;
}

/**
 * Starts it and waits for its greeting. Any user can log in with that password; null: who can is said in `more`, lines of
 * its configuration.
 */
export async function startDovecot(password: string | null, more = ''): Promise<Dovecot> {
  const port = await freePort();
  const folder = temporaryFolder('dovecot');
  chmodSync(folder, 0o755);
  const mail = join(folder, 'mail');
  mkdirSync(mail);
  chownSync(mail, Number(await ran('id', ['-u', 'mail'])), Number(await ran('id', ['-g', 'mail'])));
  const configuration = join(folder, 'dovecot.conf');
  writeFileSync(
    configuration,
    `base_dir = ${folder}/run
state_dir = ${folder}/state
log_path = /dev/stderr
protocols = imap
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
mail_location = sdbox:${mail}/%u
mail_uid = mail
mail_gid = mail
first_valid_uid = 1
first_valid_gid = 1
auth_mechanisms = plain
${password === null ? '' : `passdb {\n  driver = static\n  args = password=${password}\n}\n`}userdb {
  driver = static
  args = uid=mail gid=mail home=${mail}/%u
}
service imap-login {
  inet_listener imap {
    port = ${port}
  }
  inet_listener imaps {
    port = 0
  }
}
namespace inbox {
  inbox = yes
  separator = /
}
${more}
`,
  );
  const ready = async (): Promise<boolean> => {
    try {
      const client = await LineClient.connect({ host: '127.0.0.1', port, timeoutMs: 2_000 });
      const greeting = await client.line().catch(() => '');
      client.close();
      return greeting.startsWith('* OK');
    } catch {
      return false;
    }
  };
  const remove = (): void => removeFolder(folder);
  try {
    const daemon = await startDaemon('dovecot', ['-F', '-c', configuration], ready);
    return {
      port,
      configuration,
      said: () => wholeLines(daemon.said()),
      stop: async () => {
        await daemon.stop();
        remove();
      },
    };
  } catch (error) {
    remove();
    throw error;
  }
}

/** The complete answer to one command, octets as latin1. */
export const say = async (client: LineClient, command: string): Promise<string> =>
  (await client.imap('q1', command)).join('\r\n');
