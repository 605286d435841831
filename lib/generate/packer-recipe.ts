/**
 * The digest of what is in packer/, so that the name of an image can be told without reading files. `npm run snap`
 * writes this file, and a test compares.
 */

export const PACKER_RECIPE = '506668c6827fb1a7ef54271a588656ff450ef1d4214e2659992ee9d0b9debd58';
