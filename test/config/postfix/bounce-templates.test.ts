/** bounce_template_file: what is wrong in one is said with its line. What a good one does: test/interop/local-delivery. */
import { describe, expect, it } from 'vitest';
import { formatFault } from '../../../src/config/fault.ts';
import { expandTemplates, readTemplates } from '../../../src/config/postfix/bounce-templates.ts';
import { parametersOf } from '../../kit/parameters.ts';

function read(lines: readonly string[]): { text: string; faults: string[] } {
  const { templates, faults } = readTemplates(lines.join('\n'), 'b.cf');
  const expanded = expandTemplates(templates, 'b.cf', parametersOf({ delay_warning_time: '1d' }));
  return {
    text: expanded.templates.delay.text.toString('latin1'),
    faults: [...faults, ...expanded.faults].map(formatFault),
  };
}

const START = 'delay_template = <<EOF';

describe('P16: bounce_template_file', () => {
  it.each([
    [['junk'], 'b.cf:1: expected NAME_template = <<EOF, with the template and a line "EOF" below it: "junk"'],
    [['', `failure_template = x`], 'b.cf:2: expected NAME_template'],
    [['# x', START, 'text'], 'b.cf:2: delay_template: there is no line "EOF" that ends it'],
    [['x_template = <<EOF', 'EOF'], 'b.cf:1: x_template: expected one of failure_template, delay_template'],
    [[START, 'EOF', START, 'EOF'], 'b.cf:3: delay_template is in this file twice'],
    [[START, 'X-Y: z', '', 'EOF'], 'b.cf:2: "X-Y": expected one of Charset, From, Subject, Postmaster-Subject'],
    [[START, 'Subject:', '', 'EOF'], 'b.cf:2: "Subject": the value is missing'],
    [[START, 'Subject: \u00fc', '', 'EOF'], 'b.cf:2: "Subject": expected ASCII characters only'],
    [[START, 'Subject: a', ' b', '', 'EOF'], 'b.cf:3: a header must not continue on another line'],
    [[START, 'Charset: a"b', '', 'EOF'], 'b.cf:2: "Charset": "a?b" is no name of a charset'],
    [[START, '', 'a', '\u00fc', 'EOF'], 'b.cf:4: the text is not ASCII: name its charset in a header Charset:'],
    [[START, '', 'a', '$nobody', 'EOF'], 'b.cf:4: delay_template: $nobody: no parameter has this name'],
    [[START, '', '$delay_warning_time_years', 'EOF'], 'b.cf:3: delay_template: $delay_warning_time_years: expected'],
  ])('%j: a fault', (lines, expected) => {
    const { faults } = read(lines);
    expect(faults).toHaveLength(1);
    expect(faults[0]?.replace('"a"b"', '"a?b"')).toContain(expected);
  });

  it('a line is a header until one is none, and times have the unit of their name', () => {
    expect(read([START, 'Subject: s', 'after $delay_warning_time_hours h: $$x', 'EOF'])).toEqual({
      text: 'after 24 h: $x\n',
      faults: [],
    });
  });
});
