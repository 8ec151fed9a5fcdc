/** The entry of the threads: judges messages, several while they wait for DNS. */
import { serve } from '../pool/serve.ts';
import { judge } from './judge.ts';
import { Remembered } from './remembered.ts';
import type { Findings } from './results.ts';
import type { Answer, Question, Work } from './work.ts';

const remembered = new Remembered();
serve<Work, Findings, Question, Answer>((work, ask) => judge(work, remembered.over(ask)));
