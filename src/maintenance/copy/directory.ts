/** Aliases and domains that were created by command. */
import type { CopyJob } from './job.ts';

export async function copyDirectory({ source, target }: CopyJob): Promise<void> {
  const [aliases, present] = [await source.directory.aliases(), await target.directory.aliases()];
  for (const [address, targets] of aliases)
    if (String(present.get(address)) !== String(targets)) await target.directory.setAlias(address, targets);
  for (const address of present.keys()) if (!aliases.has(address)) await target.directory.setAlias(address, []);

  const domains = new Set(await source.directory.domains());
  const served = new Set(await target.directory.domains());
  for (const domain of domains) if (!served.has(domain)) await target.directory.setDomain(domain, true);
  for (const domain of served) if (!domains.has(domain)) await target.directory.setDomain(domain, false);
}
