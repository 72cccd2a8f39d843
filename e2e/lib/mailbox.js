// As much of a mail server as a test needs (RFC 5321): whatever comes is kept.
import { createServer } from 'node:net';

/** Starts a mail server on a free port of this machine. */
export async function startMailbox() {
  const letters = [];
  const server = createServer((socket) => {
    let pending = '';
    let to = [];
    let body; // undefined but for while a letter is sent
    const say = (line) => socket.write(`${line}\r\n`);
    const hear = (line) => {
      if (body !== undefined && line !== '.') {
        body.push(line.replace(/^\./, ''));
        return;
      }
      const word = line.slice(0, 4).toUpperCase();
      if (line === '.' && body !== undefined) {
        letters.push({ to, text: plain(body.join('\r\n')) });
        [to, body] = [[], undefined];
        say('250 kept');
      } else if (word === 'DATA') {
        body = [];
        say('354 go on');
      } else if (word === 'QUIT') {
        say('221 bye');
        socket.end();
      } else {
        if (word === 'RCPT') to.push(line.match(/<(.*)>/)[1]);
        say('250 localhost');
      }
    };
    socket.on('error', () => {}); // whoever sends may go away
    socket.on('data', (chunk) => {
      const lines = (pending + chunk).split('\r\n');
      pending = lines.pop();
      lines.forEach(hear);
    });
    say('220 localhost');
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    letters,
    address: `127.0.0.1:${server.address().port}`,
    stop: () => new Promise((resolve) => server.close(resolve)),
  };
}

/** A letter without the quoted-printable encoding of its parts (RFC 2045, section 6.7). */
const plain = (text) => text.replace(/=\r\n/g, '').replace(/=([0-9A-F]{2})/g, (_, hex) => String.fromCharCode(parseInt(hex, 16)));
