/** `posthorn lab`: builds and tests the two companies of the tutorials and a third-party DNS. */
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import type { PointResult } from '../lab/lab.ts';
import { counted, fits, labelled, table, terminalWidth } from './output.ts';
import { portOffset } from './start.ts';

interface LabCommandOptions {
  readonly files: string;
  readonly portOffset?: number;
  readonly keep: boolean;
  readonly json: boolean;
}

export function addLabCommand(program: Command): void {
  program
    .command('lab')
    .description('build baidu.com, qq.com and a third-party DNS on 127.0.1.x and run the exercise of the tutorials')
    .option('--files <dir>', "folder of the sites' configuration", fileURLToPath(new URL('../../lab', import.meta.url)))
    .option(
      '--port-offset <n>',
      'add N to every port (default: 0 if ports below 1024 can be bound, otherwise 10000)',
      portOffset,
    )
    .option('--keep', 'leave the sites running and print the settings for Thunderbird or Foxmail', false)
    .option('--json', 'print JSON', false)
    .action(async (options: LabCommandOptions) => {
      const { openLab, runPoints, SITES } = await import('../lab/lab.ts');
      const { choosePortOffset } = await import('../app/port-offset.ts');
      const offset = options.portOffset ?? (await choosePortOffset('127.0.0.1'));
      let silent = options.json;
      const tell = (text: string): void => {
        if (!silent) console.log(text);
      };
      const started = performance.now();
      const onProgress: Parameters<typeof openLab>[0]['onProgress'] = (event) => {
        if (event.kind === 'site')
          tell(
            `${event.name}: up, ${counted(event.server.listeners.length, 'listener')}${event.server.notes.map((note) => `\n    ${note}`).join('')}`,
          );
        else if (event.kind === 'begin') tell(`[ ] ${event.id} ${event.title} …`);
        else if (event.kind === 'say') tell(`    ${event.text}`);
        else
          tell(
            `[${event.result.ok ? 'x' : '!'}] ${event.result.id} ${event.result.ok ? 'ok' : `FAILED: ${event.result.seen}`} (${event.result.ms} ms)`,
          );
      };
      const interrupted = new Promise<null>((resolve) => {
        for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve(null));
      });
      const running = await openLab({ files: options.files, portOffset: offset, onProgress });
      try {
        const results = await Promise.race([interrupted, runPoints(running.lab, onProgress)]);
        if (results === null) {
          tell('Interrupted: closing the sites and removing their mail.');
          silent = true;
          process.exitCode = 130; // as a shell reports SIGINT
          return;
        }
        const passed = results.filter((result) => result.ok).length;
        const seconds = ((performance.now() - started) / 1000).toFixed(1);
        if (options.json)
          console.log(JSON.stringify({ passed, of: results.length, seconds: Number(seconds), results }, null, 2));
        else {
          console.log(
            `\n${pointTable(results, terminalWidth())}\n\n${passed} points of ${results.length}, ${seconds} s`,
          );
        }
        process.exitCode = passed === results.length ? 0 : 1;
        if (options.keep) {
          console.log(siteSettings(SITES, offset, (site) => running.dataOf(site)));
          await interrupted;
        }
      } finally {
        await running.close();
        // An interrupted check may still be waiting for an answer.
        if (process.exitCode === 130) process.exit();
      }
    });
}

/** The table of the lab's checks; on a narrow terminal, a paragraph for each. @internal */
export function pointTable(results: readonly PointResult[], room: number): string {
  const verdict = ({ ok }: PointResult): string => (ok ? 'ok' : 'FAILED');
  const wide = table(
    ['point', 'what', 'done', 'seen', ''],
    results.map((result) => [result.id, result.title, result.did, result.seen, verdict(result)]),
  );
  if (fits(wide, room)) return wide;
  return results
    .flatMap((result) => [
      `${result.id}  ${result.title}: ${verdict(result)}`,
      labelled('    done: ', result.did, room),
      labelled('    seen: ', result.seen, room),
    ])
    .join('\n');
}

/** What a person needs to use the sites by hand. @internal */
export function siteSettings(
  sites: readonly {
    readonly name: string;
    readonly domain: string;
    readonly address: string;
    readonly users: readonly string[];
  }[],
  offset: number,
  dataOf: (site: string) => string,
): string {
  const port = (...wellKnown: readonly number[]): string => wellKnown.map((one) => String(one + offset)).join(' ');
  const withMail = sites.filter(({ users }) => users.length > 0);
  return [
    '',
    'The sites keep running. For Thunderbird or Foxmail: the user name is the address, SSL/TLS, accept the certificate once.',
    '',
    table(
      ['address', 'password', 'server', 'IMAP', 'POP3', 'SMTP'],
      withMail.flatMap(({ domain, address, users }) =>
        users.map((user) => [`${user}@${domain}`, user, address, port(993), port(995), port(465)]),
      ),
    ),
    '',
    `By hand, in clear text: SMTP ${port(25)}, POP3 ${port(110)}, IMAP ${port(143)}; SMTP with STARTTLS and a login: ${port(587)}.`,
    'Their log and queue:',
    ...withMail.map(({ name }) => `  posthorn log -f --data ${dataOf(name)}    posthorn mailq --data ${dataOf(name)}`),
    '',
    'Ctrl-C ends them and removes their mail.',
  ].join('\n');
}
