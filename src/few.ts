/** The first few of many names, for a message: `a, b, c and 4 more`. */
export const few = (names: readonly string[], most: number): string =>
  `${names.slice(0, most).join(', ')}${names.length > most ? ` and ${names.length - most} more` : ''}`;
