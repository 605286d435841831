/** Sizes and first lines of code files. Long files and functions are split where a name for the part is found. */
import ts from 'typescript';
import type { Finding, Source } from './source.js';

const MAX_FILE_LINES = 300;
const MAX_FUNCTION_LINES = 70;
const MAX_LINE_LENGTH = 120;

export function checkLimits(source: Source): Finding[] {
  return [...fileLength(source), ...lineLengths(source), ...functionLengths(source), ...opening(source)];
}

function fileLength({ path, text }: Source): Finding[] {
  const lines = text.trimEnd().split('\n').length;
  if (lines <= MAX_FILE_LINES) return [];
  const message = `${lines} lines, the limit is ${MAX_FILE_LINES}: split it by what its parts are for`;
  return [{ path, line: MAX_FILE_LINES + 1, message }];
}

function lineLengths({ path, text }: Source): Finding[] {
  return text.split('\n').flatMap((line, index) => {
    if (line.length <= MAX_LINE_LENGTH) return [];
    const message = `${line.length} characters, the limit is ${MAX_LINE_LENGTH}: break it, or run npm run format`;
    return [{ path, line: index + 1, message }];
  });
}

function functionLengths(source: Source): Finding[] {
  return [...source.nodes()].filter(ts.isFunctionLike).flatMap((node) => {
    const lineAt = (position: number): number => source.ast.getLineAndCharacterOfPosition(position).line;
    const lines = lineAt(node.getEnd()) - lineAt(node.getStart(source.ast)) + 1;
    if (lines <= MAX_FUNCTION_LINES) return [];
    return [
      source.finding(
        node,
        `a function of ${lines} lines, the limit is ${MAX_FUNCTION_LINES}: take parts out`,
      ),
    ];
  });
}

function opening({ path, text }: Source): Finding[] {
  if (!path.startsWith('lib/') || /^(#!.*\n)?\/[/*]/.test(text)) return [];
  return [{ path, line: 1, message: 'starts without a comment: say what it is and what it leaves out' }];
}
