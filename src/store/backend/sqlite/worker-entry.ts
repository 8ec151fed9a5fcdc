/** Next to this file, with the same extension: sources run as TypeScript, the packed program as JavaScript. */
export const workerEntry = (name: 'writer' | 'reader'): URL =>
  new URL(import.meta.url.endsWith('.ts') ? `./${name}/${name}.ts` : `./${name}/${name}.js`, import.meta.url);
