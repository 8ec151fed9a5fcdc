/**
 * The generated pages of docs/: path from the project folder, and the function that makes the text. `npm run docs`
 * writes them.
 */
import { parameterReference } from '../../src/config/postfix/parameter-reference.ts';
import { cliPage } from './cli-page.ts';

export const PAGES: ReadonlyMap<string, () => string> = new Map([
  ['docs/reference/cli.md', cliPage],
  ['docs/reference/parameters.md', parameterReference],
]);
