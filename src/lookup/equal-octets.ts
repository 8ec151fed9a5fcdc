/** Comparison of secrets and signatures: its time says nothing of where they differ. */
import { timingSafeEqual } from 'node:crypto';

export const equalOctets = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && timingSafeEqual(a, b);
