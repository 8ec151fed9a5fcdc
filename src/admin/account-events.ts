/** Tells plugins what an administrator changed about accounts and domains, after it is durable. */
import type { HookArguments, Hooks } from '../bus/hook.ts';

type AccountChange = HookArguments['account_changed']['change'];
type DomainChange = HookArguments['domain_changed']['change'];

const ACCOUNT_CHANGES: Readonly<Record<string, AccountChange>> = {
  'user.add': 'add',
  'user.passwd': 'passwd',
  'user.rename': 'rename',
  'user.disable': 'disable',
  'user.enable': 'enable',
  'user.forward': 'forward',
  'user.remove': 'remove',
};
const DOMAIN_CHANGES: Readonly<Record<string, DomainChange>> = {
  'domain.add': 'add',
  'domain.rename': 'rename',
  'domain.remove': 'remove',
};

/** `result`: of the operation of that name, which has succeeded. Nothing waits for the plugins. */
export function tellOperation(hooks: Hooks, name: string, result: unknown): void {
  const { address, before, domain } = (result ?? {}) as {
    readonly address?: string;
    readonly before?: string;
    readonly domain?: string;
  };
  const change = ACCOUNT_CHANGES[name];
  if (change !== undefined && address !== undefined)
    void hooks.run('account_changed', { address, change, ...(before === undefined ? {} : { before }) });
  const domainChange = DOMAIN_CHANGES[name];
  if (domainChange !== undefined && domain !== undefined)
    void hooks.run('domain_changed', { domain, change: domainChange });
}
