/** Memory sizes: whole MiB inside the program, `4096`, `4096MiB` or `4GiB` outside. Powers of two only. */

const SIZE = /^(\d+(?:\.\d+)?) ?(MiB|GiB)?$/;

/** MiB; null when the text is no size, uses another unit such as GB, or is not a whole number of MiB. */
export function parseMemoryMiB(value: string | number): number | null {
  const match = SIZE.exec(String(value));
  if (match === null) return null;
  const mebibytes = Number(match[1]) * (match[2] === 'GiB' ? 1024 : 1);
  return Number.isSafeInteger(mebibytes) && mebibytes > 0 ? mebibytes : null;
}

/** `4GiB` when it is whole GiB, else `4608MiB`: text that `parseMemoryMiB` reads back. */
export function printMemory(mebibytes: number): string {
  return mebibytes % 1024 === 0 ? `${mebibytes / 1024}GiB` : `${mebibytes}MiB`;
}
