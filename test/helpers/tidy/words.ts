/** Words that never belong in the project, whatever the file, and the shape of Markdown pages. */
import type { Finding, TextFile } from './source.js';

interface Word {
  readonly pattern: RegExp;
  readonly message: string;
  /** Only in files that this fits; everywhere when left out. */
  readonly where?: RegExp;
}

const CODE = /\.(ts|js|mjs)$/;
const HIDES = 'hides a problem: change the code or the type so that the checker agrees';

// Written with character classes, so that this file does not contain the words it looks for. On the guests, root's
// and the vagrant user's homes are real places that generated files, tests and recordings name.
const WORDS: readonly Word[] = [
  {
    pattern: /\bTO[D]O\b|\bFIX[M]E\b|\bX[X]X\b|\bHA[C]K\b/,
    message: 'do it now, or say in the docs what is missing',
  },
  { pattern: /@ts-[i]gnore|@ts-[e]xpect-error|@ts-[n]ocheck/, message: HIDES, where: CODE },
  { pattern: /eslint-[d]isable/, message: HIDES, where: CODE },
  {
    pattern: /(?<![\w.$}-])\/(?:wor[k]\/|far[m]\/|roo[t]\/\.vagrant|hom[e]\/(?!vagrant\b)\w)/,
    message: 'an absolute path of one computer: write it relative to the package or take it as a parameter',
  },
  {
    pattern: /\b(?:registry[.](?:npmjs|yarnpkg)|pypi[.]org|crates[.]io|rubygems[.]org|proxy[.]golang)/,
    message: 'the host of a package registry: which one is used is for the user to set',
  },
];

export function checkWords({ path, text }: TextFile): Finding[] {
  const words = WORDS.filter(({ where }) => where === undefined || where.test(path));
  return text.split('\n').flatMap((content, index) =>
    words.flatMap(({ pattern, message }) => {
      const found = pattern.exec(content)?.[0];
      return found === undefined ? [] : [{ path, line: index + 1, message: `"${found.trim()}": ${message}` }];
    }),
  );
}

/** A Markdown page has exactly one `# Title`, outside of code blocks. */
export function checkTitle({ path, text }: TextFile): Finding[] {
  let fenced = false;
  const titles: number[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    if (/^\s*(```|~~~)/.test(line)) fenced = !fenced;
    else if (!fenced && /^# \S/.test(line)) titles.push(index + 1);
  }
  if (titles.length === 1) return [];
  const message = `${titles.length} titles: a page has exactly one line "# Title", other headings start lower`;
  return [{ path, line: titles[1] ?? 1, message }];
}
