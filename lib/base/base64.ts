/** Base64 of bytes and of UTF-8 text, by the platform's own functions, which every browser and Node share. */

/** Arguments of one call, which every engine takes. */
const ARGUMENTS = 8_192;

export function toBase64Bytes(bytes: Uint8Array): string {
  let binary = '';
  for (let start = 0; start < bytes.length; start += ARGUMENTS) {
    binary += String.fromCharCode(...bytes.subarray(start, start + ARGUMENTS));
  }
  return btoa(binary);
}

/** Throws on text that is no base64. */
export function fromBase64Bytes(encoded: string): Uint8Array {
  const binary = atob(encoded);
  const bytes = new Uint8Array(binary.length);
  for (let index = 0; index < binary.length; index += 1) bytes[index] = binary.charCodeAt(index);
  return bytes;
}

export function toBase64(text: string): string {
  return toBase64Bytes(new TextEncoder().encode(text));
}

/** Null when the text is not base64. */
export function fromBase64(encoded: string): string | null {
  try {
    return new TextDecoder().decode(fromBase64Bytes(encoded));
  } catch {
    return null; // `atob` refuses characters and lengths that no encoder makes.
  }
}
