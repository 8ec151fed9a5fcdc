import { describe, expect, it } from 'vitest';
import { ClientLimits } from '../../../src/server/smtp/client-limits.ts';

const RATES = { connections: 0, messages: 2, recipients: 0, logins: 0, handshakes: 0 };

describe('limits of one client', () => {
  it('P8: tells the highest counts as anvil does, once (anvil_status_update_time)', () => {
    let now = new Date(2026, 10, 7, 20, 23, 38).getTime();
    const limits = new ClientLimits({ atOnce: 1, rates: RATES, timeUnit: 60_000, exceptions: [] }, () => now);
    expect(limits.takeHighs('smtp')).toEqual([]);
    limits.open('192.0.2.1');
    limits.open('192.0.2.1');
    limits.close('192.0.2.1');
    now += 1_000;
    limits.open('192.0.2.2');
    expect(limits.takeHighs('smtp')).toEqual([
      'statistics: max connection rate 2/60s for (smtp:192.0.2.1) at Nov  7 20:23:38',
      'statistics: max connection count 2 for (smtp:192.0.2.1) at Nov  7 20:23:38',
      'statistics: max cache size 2 at Nov  7 20:23:39',
    ]);
    expect(limits.takeHighs('smtp')).toEqual([]);
  });

  it('P8: simultaneous connections are counted per IPv4 address and per IPv6 /64', () => {
    const limits = new ClientLimits({ atOnce: 1, rates: RATES, timeUnit: 60_000, exceptions: [] }, () => 0);
    expect(limits.open('192.0.2.1')).toBe(true);
    expect(limits.open('192.0.2.1')).toBe(false);
    expect(limits.open('192.0.2.2')).toBe(true);
    limits.close('192.0.2.1');
    limits.close('192.0.2.1');
    expect(limits.open('192.0.2.1')).toBe(true);
    expect(limits.open('2001:db8::1')).toBe(true);
    expect(limits.open('2001:db8::2')).toBe(false);
    expect(limits.open('2001:db8:0:1::2')).toBe(true);
  });

  it('P8: rates are reset with each time unit', () => {
    let now = 0;
    const limits = new ClientLimits({ atOnce: 0, rates: RATES, timeUnit: 60_000, exceptions: [] }, () => now);
    expect([1, 2, 3].map(() => limits.allows('192.0.2.1', 'messages'))).toEqual([true, true, false]);
    expect(limits.allows('192.0.2.2', 'messages')).toBe(true);
    now = 60_000;
    expect(limits.allows('192.0.2.1', 'messages')).toBe(true);
  });

  it('P8: clients in smtpd_client_event_limit_exceptions are not counted', () => {
    const limits = new ClientLimits(
      { atOnce: 1, rates: RATES, timeUnit: 1, exceptions: ['10.0.0.0/8', '[2001:db8::]/32', 'hash:/x', '192.0.2.7'] },
      () => 0,
    );
    for (const ip of ['10.1.2.3', '2001:db8::1', '192.0.2.7']) {
      for (let i = 0; i < 5; i += 1) expect(limits.open(ip) && limits.allows(ip, 'messages')).toBe(true);
    }
  });
});
