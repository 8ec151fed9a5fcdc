/** Loaded before a plugin's tests (`node --import`): they find this server's own modules, wherever they are. */
import { type ResolveHookSync, registerHooks } from 'node:module';
import { extname } from 'node:path';
import { loadTypeScript, resolveFace } from '../bus/locate.ts';

const resolveHarness: ResolveHookSync = (specifier, context, next) =>
  specifier === 'posthorn/plugin/test'
    ? { url: new URL(`./test-server${extname(import.meta.url)}`, import.meta.url).href, shortCircuit: true }
    : resolveFace(specifier, context, next);

registerHooks({ resolve: resolveHarness, load: loadTypeScript(process.cwd()) });
