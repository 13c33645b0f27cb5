// A TCP relay in front of the server that can be cut and mended: what a browser sees when the network fails.

import { once } from 'node:events';
import { connect, createServer } from 'node:net';

export async function openLine(target) {
  const { hostname, port } = new URL(target);
  const sockets = new Set();
  let whole = true;
  const relay = createServer((client) => {
    if (!whole) return client.resetAndDestroy();
    const server = connect(Number(port), hostname);
    for (const [one, other] of [[client, server], [server, client]]) {
      sockets.add(one);
      one.on('error', () => other.destroy());
      one.on('close', () => { sockets.delete(one); other.destroy(); });
      one.pipe(other);
    }
  });
  relay.listen(0, '127.0.0.1');
  await once(relay, 'listening');
  return {
    url: `http://127.0.0.1:${relay.address().port}`,
    cut() { whole = false; for (const socket of sockets) socket.resetAndDestroy(); },
    mend() { whole = true; },
    close() { this.cut(); relay.close(); },
  };
}
