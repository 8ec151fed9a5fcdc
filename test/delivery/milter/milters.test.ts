/** Which milters a client or a message gets. */
import { describe, expect, it } from 'vitest';
import { Milters } from '../../../src/delivery/milter/milters.ts';
import { type TraceStep, traced } from '../../../src/tracing.ts';
import { quietLog } from '../../kit/log.ts';
import { parametersOf } from '../../kit/parameters.ts';
import { connectionOf, tablesOf } from '../house.ts';

const NAMED = { smtpd_milters: 'inet:127.0.0.1:9', non_smtpd_milters: 'unix:local.sock' };

const miltersOf = (settings: Readonly<Record<string, string>>, maps: Parameters<typeof tablesOf>[0] = {}): Milters =>
  new Milters({ parameters: parametersOf(settings), tables: tablesOf(maps), log: quietLog });

describe('P9: the milters', () => {
  it('P9: are those of smtpd_milters for clients and of non_smtpd_milters for the sendmail command', async () => {
    const milters = miltersOf(NAMED);
    expect(milters.watchesClients).toBe(true);
    expect(await milters.forClient(connectionOf())).not.toBeNull();
    expect(milters.forSubmission()).not.toBeNull();
    expect(miltersOf({}).watchesClients).toBe(false);
    expect(miltersOf({}).forSubmission()).toBeNull();
  });

  it('P9: are none with receive_override_options = no_milters', async () => {
    const milters = miltersOf({ ...NAMED, receive_override_options: 'no_milters' });
    expect(milters.watchesClients).toBe(false);
    expect(await milters.forClient(connectionOf())).toBeNull();
    expect(milters.forSubmission()).toBeNull();
  });

  it('P9: are none for a client that smtpd_milter_maps has as DISABLE, and its own for others', async () => {
    const maps = { 'test:maps': (key: string) => (key === '127.0.1.77' ? 'DISABLE' : undefined) };
    const off = miltersOf({ ...NAMED, smtpd_milter_maps: 'test:maps' }, maps);
    expect(await off.forClient(connectionOf())).toBeNull();
    const own = { 'test:maps': () => '{ inet:127.0.0.1:10, default_action=accept }' };
    expect(await miltersOf({ smtpd_milter_maps: 'test:maps' }, own).forClient(connectionOf())).not.toBeNull();
  });

  it('P9: are those of everybody where smtpd_milter_maps cannot answer', async () => {
    const maps = { 'test:maps': () => Promise.reject(new Error('away')) };
    const milters = miltersOf({ ...NAMED, smtpd_milter_maps: 'test:maps' }, maps);
    expect(await milters.forClient(connectionOf())).not.toBeNull();
  });

  it('P22: are not asked about a message that does not exist', async () => {
    const steps: TraceStep[] = [];
    const watcher = { hypothetical: true, add: (step: TraceStep) => void steps.push(step) };
    expect(await traced(watcher, () => miltersOf(NAMED).forClient(connectionOf()))).toBeNull();
    expect(steps).toEqual([{ kind: 'log', text: 'the milters are not asked' }]);
  });
});
