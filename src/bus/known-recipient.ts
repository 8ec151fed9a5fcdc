/** Whether a plugin takes mail for an address that no table has, at the hook `recipient_exists`. */
import { StoreUnavailableError } from '../store/store.ts';
import type { Hooks } from './hook.ts';
import { readRefusal } from './refusal.ts';

/** Rejects with StoreUnavailableError where a plugin cannot say it now: the bus has logged why. */
export async function isKnownToPlugins(hooks: Hooks, address: string): Promise<boolean> {
  if (!hooks.has('recipient_exists')) return false;
  const verdict = await hooks.run('recipient_exists', { address });
  if (readRefusal(verdict)?.kind === 'temporary')
    throw new StoreUnavailableError(`a plugin cannot say now whether ${address} exists`);
  return verdict.code === 'OK';
}
