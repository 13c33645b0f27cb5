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

const loopback = new Set(['localhost', '127.0.0.1', '[::1]']);

/**
 * The same address under the name that the reader uses for this computer: a browser signed in at `127.0.0.1` is not
 * signed in at `localhost`. Addresses elsewhere stay as they are.
 */
export function underSameName(href: string, here: { origin: string }): string {
  const [link, page] = [new URL(href), new URL(here.origin)];
  const isSame = loopback.has(link.hostname) && loopback.has(page.hostname) && link.port === page.port && link.protocol === page.protocol;
  return isSame ? page.origin + link.pathname + link.search + link.hash : href;
}
