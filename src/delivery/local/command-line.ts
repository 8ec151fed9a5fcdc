/**
 * How a command of an alias is started (local(8)): directly, or by /bin/sh where it has characters that mean something to
 * a shell or is no path, such as a built-in command. The text is the administrator's or the user's own: nothing of a
 * message gets into it.
 */

/** Characters without a meaning to a shell. */
const PLAIN = /^[\w!@%\-=+:,./ \t]+$/;

/** `shell`: local_command_shell, which starts all commands; '' for none. */
export function commandLine(text: string, shell: string): readonly string[] {
  if (shell !== '') return [...wordsOf(shell), text];
  const words = wordsOf(text);
  return PLAIN.test(text) && words[0]?.includes('/') === true ? words : ['sh', '-c', text];
}

const wordsOf = (text: string): string[] => text.split(/[ \t]+/).filter((word) => word !== '');
