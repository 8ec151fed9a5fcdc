/** The metrics of several processes as those of one server. */
import type { Family, Sample } from '../counter.ts';

/** Samples with the same name and labels become one, as their family says. */
export function mergeFamilies(processes: readonly (readonly Family[])[]): Family[] {
  const merged = new Map<string, { readonly family: Family; readonly samples: Map<string, Sample> }>();
  for (const family of processes.flat()) {
    const { samples } = merged.get(family.name) ?? { samples: new Map<string, Sample>() };
    merged.set(family.name, { family, samples });
    for (const sample of family.samples) {
      const key = JSON.stringify([sample.suffix, sample.labels]);
      const before = samples.get(key)?.value;
      const value =
        before === undefined
          ? sample.value
          : family.across === 'sum'
            ? before + sample.value
            : Math.max(before, sample.value);
      samples.set(key, { ...sample, value });
    }
  }
  return [...merged.values()].map(({ family, samples }) => ({ ...family, samples: [...samples.values()] }));
}
