/** Base64 of bytes and of UTF-8 text, by the platform's own functions, which every browser and Node share. */

export function toBase64Bytes(bytes: Uint8Array): string {
  let binary = '';
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary);
}

/** Throws on text that is no base64. */
export function fromBase64Bytes(encoded: string): Uint8Array {
  return Uint8Array.from(atob(encoded), (char) => char.charCodeAt(0));
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
