/** `npm run docs`: writes the generated pages of docs/, and prints which of them changed. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { PAGES } from './pages.ts';
import { ROOT } from './project.ts';

for (const [page, make] of PAGES) {
  const path = join(ROOT, page);
  const text = make();
  const current = existsSync(path) && readFileSync(path, 'utf8') === text;
  if (!current) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
  console.log(`${page}: ${current ? 'is current' : 'written'}`);
}
