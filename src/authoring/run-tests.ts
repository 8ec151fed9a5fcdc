/** Runs the tests of a plugin with Node's own test runner. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { extname } from 'node:path';

const PRELOAD = new URL(`./preload${extname(import.meta.url)}`, import.meta.url).href;
/** Of folders without a "type" in a package.json, which work. */
const NEEDLESS_WARNING = '--disable-warning=MODULE_TYPELESS_PACKAGE_JSON';

/** Output goes where ours goes. Returns the exit code: 0 if all tests passed. `files`: patterns; none: all tests. */
export async function runTests(folder: string, files: readonly string[]): Promise<number> {
  const child = spawn(process.execPath, [NEEDLESS_WARNING, '--import', PRELOAD, '--test', ...files], {
    cwd: folder,
    stdio: 'inherit',
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return code ?? 1;
}
