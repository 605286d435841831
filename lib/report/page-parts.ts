/** The style and the script of a report's page, put together from the files of page/. */
import { CHART } from './page/chart.js';
import { MAIN } from './page/main.js';
import { ROWS } from './page/rows.js';
import { STYLE } from './page/style.js';
import { TABLES } from './page/tables.js';
import { TIME } from './page/time.js';
import { TIMELINE } from './page/timeline.js';

export const PAGE_STYLE = [STYLE, TIMELINE, TABLES].join('\n');

/** In one block of its own, so that no name of it is the window's. */
export const PAGE_SCRIPT = ["'use strict';", '{', TIME, ROWS, CHART, MAIN, '}'].join('\n');
