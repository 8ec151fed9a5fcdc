/** Servers that plugins ask. Those named fake speak the protocol and know one answer; Redis is Debian's. */
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { freePort, isOpen, startDaemon } from '../interop/program.ts';
import { removeFolder, temporaryFolder } from '../kit/folder.ts';

export interface Peer {
  readonly port: number;
  /** What it was told, in order. */
  readonly seen: string[];
  stop(): Promise<void>;
}

/** What a message must contain to be what a scanner looks for. */
export const BAD_WORDS = 'FORBIDDEN WORDS';

/** Each connection's text goes to `answer` as it grows, and at its end; null: not enough yet. */
const tcpPeer = async (answer: (text: string, isWhole: boolean) => string | null): Promise<Peer> => {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    let text = '';
    const look = (isWhole: boolean): void => {
      const said = socket.writableEnded ? null : answer(text, isWhole);
      if (said !== null) socket.end(said);
    };
    socket.on('error', () => {}).on('end', () => look(true));
    socket.setEncoding('latin1').on('data', (more: string) => {
      text += more;
      look(false);
    });
  });
  const port = await listening(server);
  return { port, seen: [], stop: () => closed(server, sockets) };
};

function listening(server: Server): Promise<number> {
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)));
}

function closed(server: Server, sockets: ReadonlySet<Socket> = new Set()): Promise<void> {
  for (const socket of sockets) socket.destroy();
  return new Promise((resolve) => void server.close(() => resolve()));
}

/** clamd(8), INSTREAM: pieces with their length, the last of length 0. */
export const fakeClamd = (): Promise<Peer> =>
  tcpPeer((text) => {
    if (text.startsWith('zPING') || text.startsWith('PING')) return 'PONG\0';
    if (!text.endsWith('\0\0\0\0')) return null;
    return text.includes(BAD_WORDS) ? 'stream: Test.Words FOUND\0' : 'stream: OK\0';
  });

/** spamd's protocol (SPAMC/1.4), request HEADERS. */
export const fakeSpamd = (): Promise<Peer> =>
  tcpPeer((text, isWhole) => {
    if (!isWhole) return null;
    const isSpam = text.includes(BAD_WORDS);
    const status = isSpam ? 'Yes, score=9.5 required=5.0 tests=TEST_WORDS' : 'No, score=0.5 required=5.0 tests=NONE';
    const spam = `Spam: ${isSpam ? 'True ; 9.5' : 'False ; 0.5'} / 5.0`;
    const flag = isSpam ? 'X-Spam-Flag: YES\r\n' : '';
    return `SPAMD/1.1 0 EX_OK\r\n${spam}\r\n\r\n${flag}X-Spam-Status: ${status}\r\n\r\n`;
  });

/** AVG's command line scanner as a server. */
export const fakeAvg = (): Promise<Peer> =>
  new Promise((resolve) => {
    const seen: string[] = [];
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.write('220 AVG daemon\r\n');
      socket.on('error', () => {});
      socket.setEncoding('latin1').on('data', (line: string) => {
        seen.push(line.split(' ', 1).join('').trim());
        if (line.startsWith('QUIT')) socket.end('221 bye\r\n');
        else socket.write('200 ok\r\n');
      });
    });
    void listening(server).then((port) => resolve({ port, seen, stop: () => closed(server, sockets) }));
  });

const httpPeer = async (answer: (path: string, body: string, seen: string[]) => string): Promise<Peer> => {
  const seen: string[] = [];
  const server = createHttpServer((request, response) => {
    let body = '';
    request.setEncoding('latin1').on('data', (more: string) => {
      body += more;
    });
    request.on('end', () => {
      response.setHeader('Connection', 'close');
      response.end(answer(request.url ?? '', body, seen));
    });
  });
  const port = await listening(server);
  return { port, seen, stop: () => closed(server) };
};

/** Rspamd's /checkv2. */
export const fakeRspamd = (): Promise<Peer> =>
  httpPeer((_path, body) => {
    const isSpam = body.includes(BAD_WORDS);
    return JSON.stringify({
      is_skipped: false,
      score: isSpam ? 20.5 : 1.5,
      required_score: 15,
      action: isSpam ? 'reject' : 'add header',
      symbols: { TEST_WORDS: { name: 'TEST_WORDS', score: 1.5 } },
      messages: {},
      urls: [],
      emails: [],
      'message-id': 'undef',
    });
  });

/** qmail-deliverabled: 241 is a mailbox, 0 is none. */
export const fakeQmailDeliverable = (): Promise<Peer> =>
  httpPeer((path, _body, seen) => {
    seen.push(decodeURIComponent(path));
    return path.includes('user') ? '242' : '0';
  });

/** A mail server that takes everything. */
export async function smtpSink(): Promise<Peer> {
  const seen: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    let isData = false;
    let rest = '';
    socket.write('220 sink.example ESMTP\r\n');
    socket.on('error', () => {});
    socket.setEncoding('latin1').on('data', (more: string) => {
      rest += more;
      for (let end = rest.indexOf('\r\n'); end >= 0; end = rest.indexOf('\r\n')) {
        const line = rest.slice(0, end);
        rest = rest.slice(end + 2);
        if (isData && line !== '.') continue;
        const verb = line.split(/[ :]/, 1).join('').toUpperCase();
        if (!isData && ['MAIL', 'RCPT'].includes(verb)) seen.push(line);
        isData = verb === 'DATA';
        if (verb === 'EHLO') socket.write('250-sink.example\r\n250 PIPELINING\r\n');
        else if (verb === 'QUIT') socket.end('221 bye\r\n');
        else socket.write(isData ? '354 go on\r\n' : line === '.' ? '250 taken by the sink\r\n' : '250 ok\r\n');
      }
    });
  });
  const port = await listening(server);
  return { port, seen, stop: () => closed(server, sockets) };
}

export async function redis(): Promise<Peer> {
  const port = await freePort();
  const folder = temporaryFolder('redis');
  const options = { port, bind: '127.0.0.1', dir: folder, save: '', appendonly: 'no', 'protected-mode': 'no' };
  const daemon = await startDaemon(
    '/usr/bin/redis-server',
    Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]),
    isOpen(port),
  );
  return {
    port,
    seen: [],
    async stop() {
      await daemon.stop();
      removeFolder(folder);
    },
  };
}
