/**
 * How many of the first `length` numbers, which ascend, are smaller than `value`: the index at which it would stand.
 */
export function lowerBound(numbers: Uint32Array, length: number, value: number): number {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((numbers[middle] ?? 0) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
