/** Base64 of UTF-8 text, by the platform's own functions, which every browser and Node share. */

export function toBase64(text: string): string {
  return btoa(Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join(''));
}

/** Null when the text is not base64. */
export function fromBase64(encoded: string): string | null {
  if (!/^[A-Za-z0-9+/\s]*={0,2}\s*$/.test(encoded)) return null;
  try {
    return new TextDecoder().decode(Uint8Array.from(atob(encoded), (char) => char.charCodeAt(0)));
  } catch {
    return null; // atob refuses a length that no encoder makes: not base64 either.
  }
}
