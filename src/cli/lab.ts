/** `posthorn lab`: the two companies of the tutorials and a third-party DNS, built and put to the test. */
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { table } from './output.ts';
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
    .option('--port-offset <n>', 'add N to every port (default: 0 where ports below 1024 may be bound, else 10000)', portOffset)
    .option('--keep', 'leave the sites running and print what to put into Thunderbird or Foxmail', false)
    .option('--json', 'print JSON', false)
    .action(async (options: LabCommandOptions) => {
      const { openLab, runPoints } = await import('../lab/lab.ts');
      const { choosePortOffset } = await import('../app/port-offset.ts');
      const offset = options.portOffset ?? (await choosePortOffset('127.0.0.1'));
      const tell = options.json ? () => {} : (text: string) => console.log(text);
      const started = performance.now();
      const onProgress: Parameters<typeof openLab>[0]['onProgress'] = (event) => {
        if (event.kind === 'site')
          tell(`${event.name}: up, ${event.house.listeners.length} listeners${event.house.notes.map((note) => `\n    ${note}`).join('')}`);
        else if (event.kind === 'begin') tell(`[ ] ${event.id} ${event.title} …`);
        else if (event.kind === 'say') tell(`    ${event.text}`);
        else tell(`[${event.result.ok ? 'x' : '!'}] ${event.result.id} ${event.result.ok ? 'ok' : `FAILED: ${event.result.seen}`} (${event.result.ms} ms)`);
      };
      const running = await openLab({ files: options.files, portOffset: offset, onProgress });
      try {
        const results = await runPoints(running.lab, onProgress);
        const passed = results.filter((result) => result.ok).length;
        const seconds = ((performance.now() - started) / 1000).toFixed(1);
        if (options.json) console.log(JSON.stringify({ passed, of: results.length, seconds: Number(seconds), results }, null, 2));
        else {
          const rows = results.map((result) => [result.id, result.title, result.did, result.seen, result.ok ? 'ok' : 'FAILED']);
          console.log(`\n${table(['point', 'what', 'done', 'seen', ''], rows)}\n\n${passed} points of ${results.length}, ${seconds} s`);
        }
        process.exitCode = passed === results.length ? 0 : 1;
        if (options.keep) {
          console.log(clientSettings(offset));
          await new Promise<void>((resolve) => {
            process.once('SIGINT', () => resolve());
            process.once('SIGTERM', () => resolve());
          });
        }
      } finally {
        await running.close();
      }
    });
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
    'The sites go on running. For Thunderbird or Foxmail (user name = address; accept the certificate once):',
    '',
    table(['address', 'server', 'IMAP', 'POP3', 'SMTP', 'password'], rows),
    '',
    'Ctrl-C ends them and removes their mail.',
  ].join('\n');
}
