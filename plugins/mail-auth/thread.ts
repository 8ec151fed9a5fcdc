/** The entry of the threads: judges one message after the other, several while they wait for DNS. */
import { serve } from '../pool/serve.ts';
import { judge } from './judge.ts';
import type { Findings } from './results.ts';
import type { Answer, Question, Work } from './work.ts';

serve<Work, Findings, Question, Answer>(judge);
