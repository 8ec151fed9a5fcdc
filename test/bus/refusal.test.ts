/** The refusal that each verdict stands for. */
import { describe, expect, it } from 'vitest';
import { DISCONNECT, deny, denyDisconnect, denySoft, NEXT, OK } from '../../src/bus/hook.ts';
import { readRefusal, refusalReply } from '../../src/bus/refusal.ts';
import { reply } from '../../src/mail/status.ts';

const own = reply(554, '5.7.1', 'mine');
const soft = reply(450, '4.7.1', 'later');
const defaults = { permanent: reply(550, '5.0.0', 'no'), temporary: reply(451, '4.0.0', 'not now') };

describe('a verdict as a refusal', () => {
  it.each([
    ['NEXT', NEXT, null, null],
    ['OK', OK, null, null],
    ['DENY with a reply', deny(own), { kind: 'permanent', disconnect: false, reply: own }, own],
    ['DENY', deny(), { kind: 'permanent', disconnect: false, reply: undefined }, defaults.permanent],
    ['DENYSOFT', denySoft(), { kind: 'temporary', disconnect: false, reply: undefined }, defaults.temporary],
    ['DENYDISCONNECT', denyDisconnect(own), { kind: 'permanent', disconnect: true, reply: own }, own],
    ['DENYSOFTDISCONNECT', denyDisconnect(soft), { kind: 'temporary', disconnect: true, reply: soft }, soft],
    ['DISCONNECT', DISCONNECT, { kind: 'silent', disconnect: true, reply: undefined }, defaults.temporary],
  ])('%s', (_name, verdict, refusal, answer) => {
    expect(readRefusal(verdict)).toEqual(refusal);
    expect(refusalReply(verdict, defaults)).toEqual(answer);
  });
});
