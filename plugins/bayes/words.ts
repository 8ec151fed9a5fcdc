/**
 * The words of a text: of scripts with spaces as they stand, of Chinese, Japanese and Korean every two characters that
 * stand together. (Intl.Segmenter takes 40 times as long, and cuts what spammers write, 代开发票, at the wrong places.)
 */

const IDEOGRAPHIC = String.raw`\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}`;
/** A run of such characters, a price's sign, or a word. */
const PIECE = new RegExp(
  String.raw`([${IDEOGRAPHIC}]+)|([$€£¥])(?=\s?\d)|[\p{L}\p{N}](?:(?![${IDEOGRAPHIC}])[\p{L}\p{N}\p{M}'’_-])*`,
  'gu',
);
/** What is written between the characters of a word to hide it: soft hyphens, zero-width spaces. */
const INVISIBLE = /\p{Cf}|\p{Variation_Selector}|\u034f/gu;
const SHORTEST = 3;
const LONGEST = 20;
/** A word of ideographs that is hidden by signs between them: 发.票, 微 信. */
const HIDDEN = new RegExp(`(?<=[${IDEOGRAPHIC}])[ .·*_/|~^+-](?=[${IDEOGRAPHIC}](?![${IDEOGRAPHIC}]))`, 'gu');

/** In lower case and NFKC, so that ＶＩＰ is vip; a long word counts by its length. In the order of the text, with repetitions. */
export function* wordsOf(text: string): Generator<string> {
  const plain = text.normalize('NFKC').replace(INVISIBLE, '').replace(HIDDEN, '').toLowerCase();
  for (const [word, ideographs, sign] of plain.matchAll(PIECE)) {
    if (sign !== undefined) yield '$';
    else if (ideographs !== undefined) yield* pairsOf(ideographs);
    else if (word.length > LONGEST) yield `long:${word[0]}${Math.floor(Math.min(word.length, 200) / 10)}0`;
    else if (word.length >= SHORTEST) yield word;
  }
}

function* pairsOf(run: string): Generator<string> {
  const characters = Array.from(run);
  if (characters.length === 1) yield run;
  for (let at = 1; at < characters.length; at += 1) yield `${characters[at - 1]}${characters[at]}`;
}
