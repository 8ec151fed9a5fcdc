/** Addresses of envelope and header rewritten on their way in. */
import { afterEach, describe, expect, it } from 'vitest';
import { parametersOf } from '../../kit/parameters.ts';
import { connectionOf, type HouseOptions, openHouse, type TestHouse, tablesOf } from '../house.ts';

let house: TestHouse;
const open = async (options: HouseOptions = {}): Promise<void> => {
  house = await openHouse(options);
};
afterEach(() => house.stop());

const MESSAGE = 'From: Mao <mm>\r\nTo: Lisi@host.qq.com\r\nSubject: hi\r\n\r\nbody\r\n';
const received = async (): Promise<string> => (await house.inbox('maomao@baidu.com'))[0] ?? '';

describe('P11: canonical_maps', () => {
  it('P11: replaces addresses in envelope and header, only those of the client', async () => {
    await open({
      settings: { canonical_maps: 'can', masquerade_domains: 'qq.com' },
      tables: tablesOf({ can: { 'mm@baidu.com': 'maomao', 'zhangsan@qq.com': 'zs@qq.com' } }),
    });
    await house.submit({ to: ['mm'] }, MESSAGE, { connection: null });
    const text = await received();
    expect(text).toMatch(/^Return-Path: <zs@qq\.com>\r\nX-Original-To: mm\r\nDelivered-To: maomao@baidu\.com\r\n/);
    expect(text).toContain('\r\nFrom: Mao <maomao@baidu.com>\r\nTo: Lisi@qq.com\r\n');
  });

  it('P11: no_address_mappings leaves addresses in standard form', async () => {
    await open({
      settings: {
        canonical_maps: 'can',
        masquerade_domains: 'qq.com',
        receive_override_options: 'no_address_mappings',
      },
      tables: tablesOf({ can: { 'mm@baidu.com': 'zs', 'zhangsan@qq.com': 'zs@qq.com' } }),
    });
    await house.submit({ to: ['maomao'] }, MESSAGE, { connection: null });
    const text = await received();
    expect(text).toMatch(/^Return-Path: <zhangsan@qq\.com>\r\n/);
    expect(text).toContain('\r\nFrom: Mao <mm@baidu.com>\r\nTo: Lisi@host.qq.com\r\n');
  });

  it('P11: a table that cannot answer defers the message', async () => {
    await open({
      settings: { sender_canonical_maps: 'can' },
      tables: tablesOf({ can: () => Promise.reject(new Error('away')) }),
    });
    expect((await house.submit({}, MESSAGE, { connection: null })).code).toBe(451);
    expect(house.lines.join('\n')).toContain('sender_canonical_maps map lookup problem');
  });

  it('P11: a loop of rows ends', async () => {
    await open({
      settings: { canonical_maps: 'can' },
      tables: tablesOf({ can: { 'a@qq.com': 'b@qq.com', 'b@qq.com': 'a@qq.com' } }),
    });
    expect((await house.submit({ reversePath: 'a@qq.com' }, MESSAGE, { connection: null })).code).toBe(250);
    expect(house.lines.join('\n')).toContain('unreasonable canonical_maps map nesting for a@qq.com');
  });
});

describe('P10: headers of clients', () => {
  it.each([
    ['none', { local_header_rewrite_clients: '' }, 'From: Mao <mm>\r\n'],
    [
      'by a table',
      { local_header_rewrite_clients: 'check_address_map test:list, permit_x' },
      'From: Mao <mm@baidu.com>\r\n',
    ],
    ['logged-in users', { local_header_rewrite_clients: 'permit_sasl_authenticated' }, 'From: Mao <mm>\r\n'],
    ['of mynetworks', { local_header_rewrite_clients: 'permit_mynetworks' }, 'From: Mao <mm@baidu.com>\r\n'],
    ['others', { remote_header_rewrite_domain: 'domain.invalid' }, 'From: Mao <mm@domain.invalid>\r\n'],
  ])('P10: %s', async (name, settings, expected) => {
    await open({
      trusted: true,
      settings: { local_header_rewrite_clients: '', ...settings },
      tables: tablesOf({ 'test:list': (key) => (key === '127.0.1.77' ? 'yes' : undefined) }),
    });
    const parameters = parametersOf({ local_header_rewrite_clients: '', ...settings });
    await house.submit({}, MESSAGE, { connection: connectionOf({ parameters }) });
    expect(await received()).toContain(`\r\n${expected}`);
    expect(house.lines.join('\n').includes('permit_x is ignored: expected permit_inet_interfaces')).toBe(
      name === 'by a table',
    );
  });
});
