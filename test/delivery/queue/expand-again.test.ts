/** Mail for a local alias whose included file is missing: it waits, and goes to the members once the file is there. */
import { afterEach, describe, expect, it } from 'vitest';
import { NEXT, OK } from '../../../src/bus/plugin.ts';
import { reply } from '../../../src/mail/status.ts';
import { openHouse, type TestHouse } from '../house.ts';

const MISSING = reply(451, '4.3.5', 'cannot open include file /lists/x: No such file or directory');
const TEXT = 'Subject: s\r\n\r\nbody\r\n';
let house: TestHouse;
afterEach(() => house.stop());

describe('P10: mail for an alias whose included file is missing', () => {
  it('P10: waits alone, and is delivered once when the file is there', async () => {
    let isThere = false;
    house = await openHouse({
      handlers: {
        expand: ({ recipient, into }) => {
          if (recipient.address !== 'list@baidu.com') return NEXT;
          if (isThere) into.push({ ...recipient, address: 'xixi@baidu.com' });
          else into.push({ ...recipient, refusal: MISSING });
          return OK;
        },
      },
    });
    house.runner.start();
    expect(await house.submit({ to: ['list@baidu.com', 'maomao@baidu.com'] }, TEXT)).toMatchObject({ code: 250 });
    await house.runner.idle();
    expect(await house.inbox('maomao@baidu.com')).toHaveLength(1);
    const deferred = /to=<list@baidu\.com>, relay=local, .*dsn=4\.3\.5, status=deferred \(cannot open include file/;
    expect(house.lines.filter((line) => deferred.test(line))).toHaveLength(1);
    await house.runner.flush({});
    await house.runner.idle();
    expect(house.lines.filter((line) => deferred.test(line))).toHaveLength(2);
    expect(await house.queue()).toHaveLength(1);
    isThere = true;
    await house.runner.flush({});
    await house.runner.idle();
    expect(await house.queue()).toEqual([]);
    const [copy = '', ...others] = await house.inbox('xixi@baidu.com');
    expect(others).toEqual([]);
    expect(copy).toContain('Subject: s\r\n');
    expect(house.lines.join('\n')).toMatch(/to=<list@baidu\.com>, .*status=sent \(forwarded as \w+\)/);
  });
});
