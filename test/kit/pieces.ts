/** Octets split as a network might split them. */

/** Splits at these places, whatever numbers they are; a piece may be empty. */
export function piecesOf(octets: Buffer, cuts: readonly number[]): Buffer[] {
  const edges = [0, ...cuts.map((cut) => cut % (octets.length + 1)).sort((a, b) => a - b), octets.length];
  return edges.slice(1).map((edge, i) => octets.subarray(edges[i], edge));
}
