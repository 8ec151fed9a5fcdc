/**
 * The nine points of the exercise (requirements, section L), each checked over real sockets. A point's `run` returns
 * what was observed, as a sentence, or throws CheckError with what was observed instead.
 */
import { Resolver } from 'node:dns/promises';
import { request as requestInClear } from 'node:http';
import { request } from 'node:https';
import { check, deliver, headerByImap, open, type Site, subjectsByPop3, submit, using, waitByImap } from './client.ts';

export interface Lab {
  readonly baidu: Site;
  readonly qq: Site;
  readonly dns: { readonly address: string; readonly port: number };
  /** Files that each site read, as reported at its start. */
  readonly files: Readonly<Record<string, readonly string[]>>;
  /** Reports progress within a point. */
  say(text: string): void;
}

export interface Point {
  readonly id: string;
  readonly title: string;
  readonly does: string;
  run(lab: Lab): Promise<string>;
}

const BAIDU_USERS = ['xixi', 'maomao', 'haha'];
const QQ_USERS = ['zhangsan', 'lisi', 'wangwu'];
/** Outside mynetworks: clients from here must log in. */
const OUTSIDE = '127.0.1.77';
const REFUSED_CLIENT = '127.0.1.200';

const sites = ({ baidu, qq }: Lab) => [
  { here: baidu, users: BAIDU_USERS, there: qq, others: QQ_USERS },
  { here: qq, users: QQ_USERS, there: baidu, others: BAIDU_USERS },
];

export const points: readonly Point[] = [
  {
    id: 'L1',
    title: 'two companies',
    does: 'every user logs in to each company by IMAP',
    async run(lab) {
      for (const { here, users } of sites(lab)) {
        await using(open(here, 25), async (client) => {
          const greeting = await client.smtp();
          check(greeting === `220 ${here.mailHost} ESMTP "Mail Server"`, greeting);
        });
        for (const user of users) await waitByImap(here, user, []);
      }
      return 'six users, two servers that greet with their names';
    },
  },
  {
    id: 'L2',
    title: 'a third-party DNS',
    does: 'MX, A and PTR of both, asked of the third party',
    async run({ dns, baidu, qq }) {
      const resolver = new Resolver({ timeout: 2000, tries: 2 });
      resolver.setServers([`${dns.address}:${dns.port}`]);
      for (const site of [baidu, qq]) {
        const [mx] = await resolver.resolveMx(site.domain);
        check(mx?.exchange === site.mailHost, `MX of ${site.domain}: ${mx?.exchange}`);
        const [address] = await resolver.resolve4(site.mailHost);
        check(address === site.address, `A of ${site.mailHost}: ${address}`);
        const names = await resolver.reverse(site.address);
        check(names.includes(site.mailHost), `PTR of ${site.address}: ${names.join(' ')}`);
      }
      return 'MX 10 mail.baidu.com and mail.qq.com, forward and reverse agree';
    },
  },
  {
    id: 'L3',
    title: 'everybody writes to everybody',
    does: 'each user writes to each of the other side; the answer is read by POP3 and IMAP',
    async run(lab) {
      let letters = 0;
      for (const { here, users, there, others } of sites(lab)) {
        for (const user of users) {
          for (const other of others) {
            await submit(here, user, {
              from: `${user}@${here.domain}`,
              to: [`${other}@${there.domain}`],
              subject: `L3 ${user} to ${other}`,
            });
            letters += 1;
          }
        }
        lab.say(`${here.domain} has written`);
      }
      for (const { here, users, others } of sites(lab)) {
        for (const user of users) {
          const expected = others.map((other) => `L3 ${other} to ${user}`);
          await waitByImap(here, user, expected);
          const byPop3 = await subjectsByPop3(here, user);
          for (const subject of expected) check(byPop3.includes(subject), `POP3 of ${user}: no "${subject}"`);
        }
        lab.say(`${here.domain} has read`);
      }
      return `${letters} letters sent, each read by IMAP and by POP3`;
    },
  },
  {
    id: 'L4',
    title: "xixi's mail reaches haha too",
    does: 'lisi writes to xixi alone',
    async run({ baidu, qq }) {
      await submit(qq, 'lisi', { from: 'lisi@qq.com', to: ['xixi@baidu.com'], subject: 'L4 for xixi' });
      for (const user of ['xixi', 'haha']) await waitByImap(baidu, user, ['L4 for xixi']);
      const copies = (await subjectsByPop3(baidu, 'haha')).filter((subject) => subject === 'L4 for xixi').length;
      check(copies === 1, `haha has it ${copies} times`);
      return 'xixi and haha have it, once each';
    },
  },
  {
    id: 'L5',
    title: 'web pages by host name',
    does: 'http:// to www, www2 and web leads to their pages over HTTPS, the names resolved by the third party',
    async run(lab) {
      for (const [site, names] of [
        [lab.baidu, ['www.baidu.com', 'www2.baidu.com']],
        [lab.qq, ['www.qq.com', 'web.qq.com']],
      ] as const) {
        for (const name of names) {
          const page = await fetchPage(lab, site, name);
          check(page.trim() === `It's ${names[0]}`, `${name} shows: ${page}`);
        }
      }
      return "It's www.baidu.com (www2 too), It's www.qq.com (web too)";
    },
  },
  {
    id: 'L6',
    title: 'virtual alias domains',
    does: '@group.com, @work.com, admin@group.com, 123@group.com, 234@work.com',
    async run({ baidu, qq }) {
      const send = (to: string): Promise<void> =>
        submit(baidu, 'maomao', { from: 'maomao@baidu.com', to: [to], subject: `L6 ${to}` });
      for (const to of ['xixi@group.com', 'lisi@work.com', '123@group.com', '234@work.com', 'admin@group.com'])
        await send(to);
      await submit(qq, 'zhangsan', {
        from: 'zhangsan@qq.com',
        to: ['admin@group.com'],
        subject: 'L6 from qq to admin',
      });
      const arrives: readonly (readonly [Site, string, readonly string[]])[] = [
        [baidu, 'xixi', ['L6 xixi@group.com', 'L6 123@group.com', 'L6 admin@group.com', 'L6 from qq to admin']],
        [baidu, 'maomao', ['L6 123@group.com', 'L6 admin@group.com', 'L6 from qq to admin']],
        [baidu, 'redhat', ['L6 admin@group.com', 'L6 from qq to admin']],
        [qq, 'lisi', ['L6 lisi@work.com']],
        [qq, 'doudou', ['L6 234@work.com', 'L6 admin@group.com', 'L6 from qq to admin']],
        [qq, 'xiaodou', ['L6 234@work.com', 'L6 admin@group.com']],
        [qq, 'dadou', ['L6 admin@group.com', 'L6 from qq to admin']],
      ];
      for (const [site, user, subjects] of arrives) await waitByImap(site, user, subjects);
      return 'members on both sides have their letters';
    },
  },
  {
    id: 'L7',
    title: 'access rules',
    does: 'a refused client, a refused sender domain, a closed recipient, a stranger who relays',
    async run({ baidu }) {
      const refusal = (localAddress: string, from: string, to: string): Promise<string> =>
        using(open(baidu, 25, { localAddress }), async (client) => {
          await client.smtp();
          await client.smtp('HELO client.example');
          await client.smtp(`MAIL FROM:<${from}>`);
          return client.smtp(`RCPT TO:<${to}>`);
        });
      const cases: readonly (readonly [string, string, string, RegExp])[] = [
        [
          REFUSED_CLIENT,
          'a@qq.com',
          'maomao@baidu.com',
          /^554 5\.7\.1 <\S*\[127\.0\.1\.200\]>: Client host rejected: Access denied$/,
        ],
        [
          OUTSIDE,
          'bill@microsoft.com',
          'maomao@baidu.com',
          /^554 5\.7\.1 <bill@microsoft\.com>: Sender address rejected: Access denied$/,
        ],
        [
          OUTSIDE,
          'a@qq.com',
          'hadoop@baidu.com',
          /^554 5\.7\.1 <hadoop@baidu\.com>: Recipient address rejected: Access denied$/,
        ],
        [
          OUTSIDE,
          'a@qq.com',
          'nobody-here@baidu.com',
          /^550 5\.1\.1 <nobody-here@baidu\.com>: Recipient address rejected: User unknown in local recipient table$/,
        ],
        [OUTSIDE, 'maomao@baidu.com', 'lisi@qq.com', /^554 5\.7\.1 <lisi@qq\.com>: Relay access denied$/],
      ];
      for (const [from, sender, recipient, expected] of cases) {
        const answer = await refusal(from, sender, recipient);
        check(expected.test(answer), `${sender} to ${recipient} from ${from}: ${answer}`);
      }
      return 'five refusals in the words of the tutorial';
    },
  },
  {
    id: 'L8',
    title: 'all of it encrypted',
    does: '465, 587, 993, 995, HTTPS, STARTTLS between the sites; clear-text clients too',
    async run({ baidu, qq }) {
      await submit(baidu, 'maomao', { from: 'maomao@baidu.com', to: ['wangwu@qq.com'], subject: 'L8 encrypted' });
      await waitByImap(qq, 'wangwu', ['L8 encrypted']);
      const header = await headerByImap(qq, 'wangwu', 'L8 encrypted');
      check(
        /from mail\.baidu\.com[\s\S]*?\(using TLSv1\.[23] with cipher/.test(header),
        `no TLS between the sites: ${header}`,
      );
      await deliver(
        baidu,
        { from: 'maomao@baidu.com', to: ['zhangsan@qq.com'], subject: 'L8 in clear text' },
        '127.0.1.1',
      );
      await waitByImap(qq, 'zhangsan', ['L8 in clear text'], 143);
      check((await subjectsByPop3(qq, 'zhangsan', 110)).includes('L8 in clear text'), 'not there by POP3 without TLS');
      check((await subjectsByPop3(qq, 'zhangsan', 995)).includes('L8 in clear text'), 'not there by POP3 with TLS');
      await starttls(baidu, 587, 'EHLO client.example', 'STARTTLS', '220');
      await starttls(baidu, 143, null, 'a1 STARTTLS', 'a1 OK');
      await starttls(baidu, 110, null, 'STLS', '+OK');
      return 'TLS on every way, verified certificates; clear text and TLS write to each other';
    },
  },
  {
    id: 'L9',
    title: "the tutorial's own files",
    does: 'what each site read at its start',
    async run({ files }) {
      const expected: Readonly<Record<string, readonly string[]>> = {
        baidu: ['main.cf', 'master.cf', 'aliases', 'virtual', 'access', 'denyhadoop', 'dovecot.conf', 'resolv.conf'],
        qq: ['main.cf', 'master.cf', 'aliases', 'virtual', 'dovecot.conf', 'resolv.conf'],
        dns: ['named.conf', 'named.baidu.com', 'named.qq.com', 'named.127.0.1'],
      };
      for (const [site, names] of Object.entries(expected)) {
        for (const name of names)
          check(
            files[site]?.includes(name) === true,
            `${site} did not read ${name}; it read ${files[site]?.join(' ')}`,
          );
      }
      return Object.entries(expected)
        .map(([site, names]) => `${site}: ${names.length} files`)
        .join(', ');
    },
  },
];

/** STARTTLS or STLS on a port, with the certificate verified. */
function starttls(site: Site, port: number, hello: string | null, command: string, consent: string): Promise<void> {
  return using(open(site, port, { localAddress: OUTSIDE }), async (client) => {
    await client.line();
    if (hello !== null) await client.smtp(hello);
    client.send(command);
    const [answer] = (await client.linesUntil((line) => !line.startsWith('*'))).slice(-1);
    check(answer?.startsWith(consent) === true, `${command} on ${port}: ${answer}`);
    await client.startTls();
    check(client.tlsProtocol !== null, `no TLS on ${port}`);
  });
}

/**
 * GET / of a host name, by http:// and where that leads to: the address from the third-party DNS, the certificate
 * verified.
 */
async function fetchPage({ dns }: Lab, site: Site, name: string): Promise<string> {
  const resolver = new Resolver({ timeout: 2000, tries: 2 });
  resolver.setServers([`${dns.address}:${dns.port}`]);
  const [address] = await resolver.resolve4(name);
  const moved = await new Promise<string>((resolve, reject) => {
    const clear = { host: address, port: site.port(80), headers: { host: name }, agent: false, timeout: 5000 };
    const sent = requestInClear(clear, (response) => resolve(response.resume().headers.location ?? 'no other place'));
    sent.on('timeout', () => sent.destroy(new Error(`http://${name} did not answer in time`)));
    sent.on('error', reject);
    sent.end();
  });
  const target = URL.parse(moved);
  const leads = target?.protocol === 'https:' && target.hostname === name && target.pathname === '/';
  check(leads, `http://${name} leads to ${moved}`);
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        host: address,
        port: target.port === '' ? 443 : target.port,
        servername: name,
        headers: { host: name },
        ca: site.ca,
        agent: false,
        timeout: 5000,
      },
      (response) => {
        let page = '';
        response.setEncoding('utf8');
        response.on('data', (chunk) => {
          page += chunk;
        });
        response.on('end', () => resolve(page));
      },
    );
    sent.on('timeout', () => sent.destroy(new Error(`${name} did not answer in time`)));
    sent.on('error', reject);
    sent.end();
  });
}
