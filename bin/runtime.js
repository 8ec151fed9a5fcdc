// How V8 is set up for every process of the house, before anything of it is loaded.
import module from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';

// An operator's pattern that would backtrack without end goes over to V8's linear engine instead of stopping the event
// loop.
setFlagsFromString('--enable-experimental-regexp-engine-on-excessive-backtracks');
// Node strips types with WebAssembly. Its calls back into JavaScript are compiled anew after 1000 of them, and where
// two threads do so at one moment the V8 of Node 24.21 frees code that is not its own: a crash (SIGSEGV in
// WasmEngine::FreeDeadCode). Never compiled anew, never freed.
setFlagsFromString('--wasm-wrapper-tiering-budget=2147483647');
// For src/memory.ts; here, before there are threads.
setFlagsFromString('--expose-gc');

// Stripping types costs a compiler in every thread (20 MB each); the compile cache keeps its result,
// so that only the first start pays. Worker threads learn of it by the environment. It is code: never
// in a folder that others may write to. After the flags: it is kept apart for each set of them.
process.env.NODE_COMPILE_CACHE ??= join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'posthorn');

/** The folder of this Node and these flags; undefined where it cannot be made. */
export const { directory: compileCache } = module.enableCompileCache(process.env.NODE_COMPILE_CACHE);
