/** The environment of programs that the server starts: a PATH, and what export_environment names. */
import type { ParameterReader } from './parameters.ts';
import { groupContent } from './split-list.ts';

/** export_environment: names, and `name=value`. */
export function exportedEnvironment(parameters: ParameterReader): Record<string, string> {
  const exported = parameters.list('export_environment').flatMap((item) => {
    const [name = '', ...rest] = (groupContent(item)?.trim() ?? item).split('=');
    const value = rest.length > 0 ? rest.join('=') : process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return { PATH: '/usr/bin:/bin', ...Object.fromEntries(exported) };
}
