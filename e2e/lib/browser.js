// As much of a browser as a sign-in without pages needs: cookies and redirects.

/** A browser with no cookies. */
export class PlainBrowser {
  #cookies = new Map(); // by host name, as browsers share them between ports

  /** Follows redirects from url until one leads to an address that starts with stop; gives that address. */
  async follow(url, stop) {
    const hops = [];
    for (let at = String(url); hops.length < 20; ) {
      if (at.startsWith(stop)) return new URL(at);
      hops.push(at);
      const response = await this.get(at);
      const location = response.headers.get('location');
      if (!location) throw new Error(`${response.status} at ${at}\n${await response.text()}`);
      await response.arrayBuffer();
      at = new URL(location, at).href;
    }
    throw new Error(`too many redirects:\n${hops.join('\n')}`);
  }

  /** One request, with cookies and without following redirects. */
  async get(url) {
    const host = new URL(url).hostname;
    const jar = this.#cookies.get(host) ?? new Map();
    this.#cookies.set(host, jar);
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
    const response = await fetch(url, { redirect: 'manual', headers: { cookie, accept: 'text/html' } });
    for (const line of response.headers.getSetCookie()) {
      const [pair, ...attributes] = line.split(';').map((part) => part.trim());
      const [name, value] = [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)];
      const gone = value === '' || attributes.some((a) => /^max-age=(0|-)/i.test(a) || (/^expires=/i.test(a) && new Date(a.slice(8)) < new Date()));
      if (gone) jar.delete(name);
      else jar.set(name, value);
    }
    return response;
  }
}
