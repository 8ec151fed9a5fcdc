/** `postconf -b` and `postconf -t` (postconf(1)): the texts of notifications, with and without values of main.cf. */
import { readFileSync } from 'node:fs';
import { ConfigurationError } from '../../config/fault.ts';
import { thisMachine } from '../../config/machine.ts';
import { PathResolver } from '../../config/paths.ts';
import { expandTemplates, readTemplates, type WrittenTemplate } from '../../config/postfix/bounce-templates.ts';
import { showMainCf } from '../../config/postfix/read-main-cf.ts';
import { type Call, Fatal } from './command.ts';

/** Of the file given, else of bounce_template_file; an empty name means the built-in ones. */
export function printTemplates(
  { where, operands }: Call,
  expanded: boolean,
  overrides: Readonly<Record<string, string>>,
): number {
  if (operands.length > 1) throw new Fatal(`specify one template file, not ${operands.length}`);
  const { parameters } = showMainCf({ directory: where.config, overrides, ...thisMachine() });
  const configured = parameters.string('bounce_template_file');
  const file = operands[0] ?? (configured === '' ? '' : new PathResolver(where.config).resolve(configured));
  const read = readTemplates(file === '' ? '' : readFileSync(file, 'latin1'), file);
  const { templates, faults } = expandTemplates(read.templates, file, parameters);
  if (read.faults.length > 0 || faults.length > 0) throw new ConfigurationError([...read.faults, ...faults]);
  const shown = read.templates.map((written) =>
    expanded
      ? `expanded_${written.name}_text = <<EOF\n${templates[written.name].text.toString('latin1')}EOF\n`
      : asWritten(written),
  );
  process.stdout.write(Buffer.from(shown.join('\n'), 'latin1'));
  return 0;
}

function asWritten({ name, headers, text }: WrittenTemplate): string {
  const lines = Object.entries(headers).filter(([, value]) => value !== '');
  return `${name}_template = <<EOF\n${lines.map(([header, value]) => `${header}: ${value}\n`).join('')}\n${text}EOF\n`;
}
