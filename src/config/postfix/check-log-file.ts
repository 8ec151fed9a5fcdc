/** maillog_file may only be where maillog_file_prefixes allows it: a log appends to whatever file it names. */
import type { Fault } from '../fault.ts';
import type { Setting } from './main-cf.ts';
import type { MainParameters } from './parameters-reader.ts';

export function logFileFaults(parameters: MainParameters, settings: ReadonlyMap<string, Setting>): Fault[] {
  const setting = settings.get('maillog_file');
  const file = parameters.string('maillog_file');
  const prefixes = parameters.list('maillog_file_prefixes');
  if (setting === undefined || file === '' || prefixes.some((prefix) => file.startsWith(prefix))) return [];
  return [
    {
      file: setting.file,
      line: setting.line,
      parameter: 'maillog_file',
      message: `"${file}" does not begin with one of ${prefixes.join(', ')}: add its folder to maillog_file_prefixes`,
    },
  ];
}
