/**
 * The peers: Dovecot for IMAP and POP3, Postfix that delivers by virtual(8) into the same Maildirs and authenticates
 * through Dovecot, BIND with the same zone. All private, on loopback, otherwise with Debian's defaults.
 */
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startDovecot } from '../../interop/dovecot.ts';
import { startNamed } from '../../interop/named.ts';
import { type Postfix, startPostfix } from '../../interop/postfix.ts';
import { freePort, ran, until } from '../../interop/program.ts';
import { benchOptions } from '../configuration.ts';
import { DOMAIN, RECEIVERS } from './corpus.ts';
import { passwordHash } from './password.ts';
import type { Certificate } from './posthorn.ts';
import { childrenOf, treeMemory } from './process-tree.ts';
import type { Program, Side } from './side.ts';

const maildir = (address: string): string => `${address.split('@')[0]}/Maildir/`;

export async function startPeers({ certFile, keyFile }: Certificate): Promise<Side> {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-peers-'));
  chmodSync(folder, 0o755);
  const mail = join(folder, 'mail');
  mkdirSync(mail);
  const [uid = 0, gid = 0] = await Promise.all(
    ['-u', '-g'].map(async (flag) => Number(await ran('id', [flag, 'mail']))),
  );
  chownSync(mail, uid, gid);
  const running: { stop(): Promise<void> }[] = [];
  const stop = async (): Promise<void> => {
    for (const one of running.reverse()) await one.stop();
    rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
  };
  try {
    const [imaps, pop3, pop3s, submission, submissions] = await Promise.all(Array.from({ length: 5 }, freePort));
    const ports = { imaps: imaps ?? 0, pop3: pop3 ?? 0, pop3s: pop3s ?? 0 };
    const sasl = join(folder, 'auth');
    const dovecot = await startDovecot(passwordHash(), dovecotLines({ mail, sasl, certFile, keyFile, ...ports }));
    running.push(dovecot);
    const dovecotPid = childrenOf(process.pid, 'dovecot').at(-1) ?? 0;
    const boxes = join(folder, 'boxes');
    writeFileSync(boxes, RECEIVERS.map((address) => `${address} ${maildir(address)}\n`).join(''));
    const submit = `-o smtpd_sasl_auth_enable=yes -o smtpd_client_restrictions=permit_sasl_authenticated,reject`;
    const postfix = await startPostfix({
      main: [
        `myhostname = mail.${DOMAIN}`,
        `virtual_mailbox_domains = ${DOMAIN}`,
        `virtual_mailbox_base = ${mail}`,
        `virtual_mailbox_maps = texthash:${boxes}`,
        `virtual_uid_maps = static:${uid}`,
        `virtual_gid_maps = static:${gid}`,
        'virtual_minimum_uid = 1',
        'default_process_limit = 200',
        'smtpd_client_connection_count_limit = 0',
        `smtpd_tls_cert_file = ${certFile}`,
        `smtpd_tls_key_file = ${keyFile}`,
        'smtpd_tls_security_level = may',
        'smtpd_tls_auth_only = yes',
        'smtpd_sasl_type = dovecot',
        `smtpd_sasl_path = ${sasl}`,
      ],
      services: [
        'virtual unix - n n - - virtual',
        `127.0.0.1:${submission} inet n - n - - smtpd -o smtpd_tls_security_level=encrypt ${submit}`,
        `127.0.0.1:${submissions} inet n - n - - smtpd -o smtpd_tls_wrappermode=yes ${submit}`,
      ],
    });
    running.push(postfix);
    const postfixPid = await masterPid(postfix);
    const named = await startNamed({
      files: { [DOMAIN]: benchOptions.files[DOMAIN] ?? '' },
      zones: `zone "${DOMAIN}" { type primary; file "${DOMAIN}"; };\n`,
    });
    running.push(named);
    const pids: Readonly<Record<Program, number>> = {
      dovecot: dovecotPid,
      postfix: postfixPid,
      bind: childrenOf(process.pid, 'named').at(-1) ?? 0,
    };
    return {
      name: 'peer',
      ports: {
        ...ports,
        imap: dovecot.port,
        smtp: postfix.port,
        submission: submission ?? 0,
        submissions: submissions ?? 0,
        dns: named.port,
      },
      memory: (programs) => treeMemory(programs.map((program) => pids[program])),
      received: async () => RECEIVERS.reduce((sum, address) => sum + messagesIn(join(mail, maildir(address))), 0),
      loopDelay: async () => null,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** master(8) is not a child process; it logs its pid. */
async function masterPid(postfix: Postfix): Promise<number> {
  const told = (): string | undefined => /master\[(\d+)\]: daemon started/.exec(postfix.said())?.[1];
  await until('Postfix to tell its process', async () => told() !== undefined);
  return Number(told());
}

function messagesIn(path: string): number {
  return ['new', 'cur'].reduce((sum, part) => {
    try {
      return sum + readdirSync(join(path, part)).length;
    } catch {
      // No delivery yet: the first one creates it.
      return sum;
    }
  }, 0);
}

interface DovecotPlaces extends Certificate {
  readonly mail: string;
  readonly sasl: string;
  readonly imaps: number;
  readonly pop3: number;
  readonly pop3s: number;
}

const dovecotLines = ({ mail, sasl, certFile, keyFile, imaps, pop3, pop3s }: DovecotPlaces): string => `
protocols = imap pop3
ssl = yes
ssl_cert = <${certFile}
ssl_key = <${keyFile}
mail_location = maildir:${mail}/%n/Maildir
mail_max_userip_connections = 100
service imap-login {
  inet_listener imaps {
    port = ${imaps}
  }
}
service pop3-login {
  inet_listener pop3 {
    port = ${pop3}
  }
  inet_listener pop3s {
    port = ${pop3s}
  }
}
service auth {
  unix_listener ${sasl} {
    mode = 0666
  }
}
`;
