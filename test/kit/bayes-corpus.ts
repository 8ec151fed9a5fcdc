/**
 * A corpus of mail in English and Chinese, made from a seed: spam and other mail that share most of their words, in the
 * transfer encodings and charsets that mail comes in. Half of the spam carries sentences of ordinary mail.
 */

export interface CorpusMail {
  readonly isSpam: boolean;
  readonly language: 'en' | 'zh';
  readonly octets: Buffer;
}

interface Pools {
  readonly subjects: readonly string[];
  readonly sentences: readonly string[];
  readonly senders: readonly string[];
}

const COMMON = {
  en: [
    'Hello, I hope this message finds you well.',
    'Please let me know if you have any question.',
    'Thank you for your time and best regards.',
    'You receive this message because your address is in our list.',
    'Please see the attached document for the details.',
    'The offer is valid until the end of this month.',
    'Your account and your order are shown at the link below.',
    'The price includes the shipping of your package.',
  ],
  zh: [
    '您好，感谢您一直以来的支持。',
    '如有任何问题请随时与我联系。',
    '详情请见附件，谢谢。',
    '本邮件由系统自动发送，请勿直接回复。',
    '优惠截止到本月底。',
    '您的账户和订单信息请点击下面的链接查看。',
    '发票会随货物一起寄出。',
    '请提供公司名称和联系电话。',
  ],
} as const;

const POOLS: Readonly<Record<'en' | 'zh', Readonly<Record<'spam' | 'ham', Pools>>>> = {
  en: {
    spam: {
      subjects: [
        'You have won',
        'Act now: cheap pills',
        'Urgent business proposal',
        'Verify your account today',
        'Earn money from home',
        'Exclusive casino bonus',
      ],
      sentences: [
        'Congratulations, you were selected as a winner of our lottery.',
        'Buy cheap viagra and cialis without prescription.',
        'Earn $5000 a week from home with this one weird trick.',
        'I am the widow of a late minister and want to transfer 18 million dollars.',
        'Your mailbox will be suspended unless you verify your password now.',
        'Our casino gives you 200 free spins and a bonus of $500.',
        'Lose weight fast with our miracle formula, guaranteed.',
        'Investors double their bitcoin in 24 hours, risk free.',
        'Hot singles in your area want to meet you tonight.',
        'Replica watches at 90% discount, order now.',
      ],
      senders: [
        'Lottery Board <claims@winner-desk.example>',
        'Best Pills <info@pharma-deal.example>',
        'Account Team <security@verify-mail.example>',
        'Casino VIP <vip@spins.example>',
      ],
    },
    ham: {
      subjects: [
        'Minutes of the meeting',
        'Re: draft of the report',
        'Your order has shipped',
        'Build failed on main',
        'Dinner on Friday',
        'Invoice for October',
      ],
      sentences: [
        'The meeting is moved to Thursday at three in room 204.',
        'I have reviewed the draft and left comments in the second chapter.',
        'The tests fail on the branch since the last merge, could you have a look?',
        'Mum asks whether you and the kids come for dinner on Friday.',
        'Your order of two bicycle lamps has left our warehouse.',
        'The invoice for October is attached, payable within thirty days.',
        'We discussed the budget and agreed to hire one more engineer.',
        'The train leaves at nine, so let us meet at the station before.',
        'The patch looks good, but please add a test for the empty list.',
        'The parents of class four meet next Monday in the school library.',
      ],
      senders: [
        'Anna Berg <anna@office.example>',
        'Build Robot <ci@forge.example>',
        'Bike Shop <orders@bikes.example>',
        'Tom <tom@family.example>',
      ],
    },
  },
  zh: {
    spam: {
      subjects: [
        '代开发票',
        '恭喜您中奖了',
        '低息贷款当天放款',
        '账户异常请立即验证',
        '澳门娱乐城送彩金',
        '兼职日结五百元',
      ],
      sentences: [
        '本公司代开各类增值税专用发票，先验票后付款，税点优惠。',
        '恭喜您被抽中为幸运用户，获得奖金十八万元，请速领取。',
        '无抵押低息贷款，当天放款，不查征信。',
        '您的邮箱即将停用，请立即点击验证密码。',
        '澳门线上娱乐城注册即送彩金，百家乐轮盘应有尽有。',
        '招聘网络兼职，在家刷单日结五百元，加微信详谈。',
        '名牌手表高仿一比一，支持货到付款。',
        '内部股票群免费荐股，稳赚不赔，名额有限。',
        '办理各类证件，毕业证学位证，网上可查。',
        '减肥神药七天瘦十斤，无效退款。',
      ],
      senders: [
        '财税代理 <fapiao@daikai.example>',
        '活动中心 <prize@zhongjiang.example>',
        '信贷部 <loan@daikuan.example>',
        '娱乐城 <vip@yule.example>',
      ],
    },
    ham: {
      subjects: ['周四会议纪要', '回复：报告初稿', '您的订单已发货', '主分支构建失败', '周五一起吃饭', '十月份发票'],
      sentences: [
        '会议改到周四下午三点，地点在二楼会议室。',
        '初稿我看完了，第二章有几处批注，请修改。',
        '上次合并之后测试一直失败，麻烦你看一下日志。',
        '妈妈问你们周五带孩子回来吃饭吗？',
        '您购买的两个自行车车灯已经从仓库发出。',
        '十月份的发票已开好，请在三十天内付款。',
        '我们讨论了预算，决定再招一名工程师。',
        '火车九点出发，我们提前在车站见面吧。',
        '补丁写得不错，请再为空列表加一个测试。',
        '四年级家长会下周一在学校图书馆举行。',
      ],
      senders: [
        '张安娜 <anna@bangong.example>',
        '构建机器人 <ci@daima.example>',
        '单车店 <dingdan@danche.example>',
        '小明 <ming@jiating.example>',
      ],
    },
  },
};

/** Mulberry32. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Half of each kind, half of each language, in a mixed order. */
export function makeCorpus(seed: number, size: number): CorpusMail[] {
  const random = randomOf(seed);
  const one = <T>(of: readonly T[]): T => of[Math.floor(random() * of.length)] as T;
  const some = <T>(of: readonly T[], count: number): T[] => Array.from({ length: count }, () => one(of));
  return Array.from({ length: size }, (_, at) => {
    const isSpam = at % 2 === 0;
    const language = at % 4 < 2 ? 'en' : 'zh';
    const pools = POOLS[language];
    const own = pools[isSpam ? 'spam' : 'ham'];
    const chaff = isSpam && random() < 0.5 ? some(pools.ham.sentences, 2) : [];
    // Somebody quotes spam to complain of it.
    const quoted = !isSpam && random() < 0.05 ? some(pools.spam.sentences, 1) : [];
    const sentences = [...some(COMMON[language], 3), ...some(own.sentences, 3), ...chaff, ...quoted];
    sentences.sort(() => random() - 0.5);
    const subject = random() < 0.2 ? one(pools[isSpam ? 'ham' : 'spam'].subjects) : one(own.subjects);
    // Free mail services send both kinds.
    const sender = random() < 0.6 ? `x <user${Math.floor(random() * 1000)}@freemail.example>` : one(own.senders);
    const client = random() < 0.6 ? '198.51.100.7' : isSpam ? `203.0.113.${at % 250}` : `192.0.2.${at % 250}`;
    return {
      isSpam,
      language,
      octets: encoded({ subject, sender, client, text: sentences.join('\n') }, language, random()),
    };
  });
}

interface Plain {
  readonly subject: string;
  readonly sender: string;
  readonly client: string;
  readonly text: string;
}

function encoded({ subject, sender, client, text }: Plain, language: 'en' | 'zh', way: number): Buffer {
  const charset = language === 'zh' && way < 0.4 ? 'gb18030' : 'utf-8';
  const octets = (words: string): Buffer => (charset === 'utf-8' ? Buffer.from(words) : gb18030(words));
  const word = (words: string): string =>
    /^[\x20-\x7e]*$/.test(words) ? words : `=?${charset}?B?${octets(words).toString('base64')}?=`;
  const isHtml = way > 0.6;
  const body = octets(isHtml ? `<html><body><p>${text.replaceAll('\n', '</p><p>')}</p></body></html>` : text);
  const isBase64 = (way * 10) % 2 < 1;
  const [, name = '', address = ''] = /^(.*) (<.*>)$/.exec(sender) ?? [];
  return Buffer.from(
    [
      `Received: from mail.example (unknown [${client}])\r\n\tby mx.example.test (Posthorn) with ESMTP id 4X`,
      `From: ${word(name)} ${address}`,
      `Subject: ${word(subject)}`,
      'MIME-Version: 1.0',
      `Content-Type: text/${isHtml ? 'html' : 'plain'}; charset=${charset}`,
      `Content-Transfer-Encoding: ${isBase64 ? 'base64' : 'quoted-printable'}`,
      '',
      isBase64
        ? body.toString('base64').replace(/.{76}/g, '$&\r\n')
        : [...body]
            .map((octet) => `=${octet.toString(16).padStart(2, '0').toUpperCase()}`)
            .join('')
            .replace(/.{72}/g, '$&=\r\n'),
      '',
    ].join('\r\n'),
  );
}

/** Two octets a character; what has none is '?'. */
let table: Map<string, number> | null = null;
export function gb18030(text: string): Buffer {
  table ??= new Map(twoOctetRows());
  return Buffer.from(
    Array.from(text).flatMap((character) => {
      const code = table?.get(character) ?? character.charCodeAt(0);
      return code < 0x80 ? [code] : [code >> 8, code & 0xff];
    }),
  );
}

function* twoOctetRows(): Generator<readonly [string, number]> {
  const decoder = new TextDecoder('gb18030');
  for (let high = 0x81; high <= 0xfe; high += 1)
    for (let low = 0x40; low <= 0xfe; low += 1) {
      const text = decoder.decode(Uint8Array.of(high, low));
      if (text.length === 1 && text !== '\ufffd') yield [text, (high << 8) | low];
    }
}
