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
      const { openLab, runPoints } = await import('../lab/lab.ts');
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
          console.log(clientSettings(offset));
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

function clientSettings(offset: number): string {
  const rows = [
    ['xixi@baidu.com', '127.0.1.134', 'xixi'],
    ['maomao@baidu.com', '127.0.1.134', 'maomao'],
    ['zhangsan@qq.com', '127.0.1.128', 'zhangsan'],
    ['lisi@qq.com', '127.0.1.128', 'lisi'],
  ].map(([address, server, password]) => [
    address ?? '',
    server ?? '',
    `${993 + offset} SSL/TLS`,
    `${995 + offset} SSL/TLS`,
    `${465 + offset} SSL/TLS`,
    password ?? '',
  ]);
  return [
    '',
    'The sites keep running. For Thunderbird or Foxmail (user name = address; accept the certificate once):',
    '',
    table(['address', 'server', 'IMAP', 'POP3', 'SMTP', 'password'], rows),
    '',
    'Ctrl-C ends them and removes their mail.',
  ].join('\n');
}
