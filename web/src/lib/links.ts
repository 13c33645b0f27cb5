/** A piece of plain text: words, or an address that can be followed. */
export interface TextPart {
  text: string;
  href?: string;
}

const address = /https?:\/\/[^\s<>"]+/g;

/** Splits plain text at the addresses in it; what ends a sentence does not belong to an address. */
export function splitLinks(plainText: string): TextPart[] {
  const parts: TextPart[] = [];
  let done = 0;
  for (const match of plainText.matchAll(address)) {
    const href = match[0].replace(/[.,;:!?)]+$/, '');
    if (match.index > done) parts.push({ text: plainText.slice(done, match.index) });
    parts.push({ text: href, href });
    done = match.index + href.length;
  }
  if (done < plainText.length) parts.push({ text: plainText.slice(done) });
  return parts;
}
