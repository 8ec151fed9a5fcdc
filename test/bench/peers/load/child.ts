/** The process that makes load: receives one job at a time as a message, and sends the result back. */
import { runDnsTcp, runDnsUdp } from './dns.ts';
import { runAppend, runImap, runLogin, runMove, runNoop } from './imap.ts';
import type { Job, Load } from './job.ts';
import { runPop3 } from './pop3.ts';
import { runSmtp } from './smtp.ts';

function run(job: Job): Promise<Load> {
  switch (job.kind) {
    case 'imap':
      return runImap(job);
    case 'login':
      return runLogin(job);
    case 'append':
      return runAppend(job);
    case 'copy':
    case 'expunge':
      return runMove(job);
    case 'pop3':
      return runPop3(job);
    case 'smtp':
      return runSmtp(job);
    case 'dns-udp':
      return runDnsUdp(job);
    case 'dns-tcp':
      return runDnsTcp(job);
    case 'noop':
      return runNoop(job);
  }
}

process.on('message', (job: Job) => {
  run(job).then(
    (load) => process.send?.({ load }),
    (error: unknown) => process.send?.({ error: error instanceof Error ? error.message : String(error) }),
  );
});
