// Processes of a test: started with their output in a file, ended at the end of
// the test file whatever happens.
import { execFile, spawn } from 'node:child_process';
import { createWriteStream, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const here = path.dirname(fileURLToPath(import.meta.url));

/** The binary under test. */
export const usherBinary = path.resolve(here, '../../bin/usher');

const run = promisify(execFile);

/** What a command of usher prints. */
export async function cli(config, ...args) {
  return (await run(usherBinary, [...args, '--config', config])).stdout;
}

/** Where logs go. */
export const logs = path.resolve(here, '../../test-results/e2e');

/** A folder of its own, to be removed with the returned function. */
export function folder() {
  const dir = mkdtempSync(path.join(tmpdir(), 'usher-e2e-'));
  return [dir, () => rmSync(dir, { recursive: true, force: true })];
}

/** The first of n ports in a row on which nobody listens. */
export async function freePorts(n, host = '127.0.0.1') {
  for (let attempt = 0; attempt < 50; attempt++) {
    const first = 20000 + Math.floor(Math.random() * 12000);
    const taken = await Promise.all(Array.from({ length: n }, (_, i) => listenable(first + i, host)));
    if (taken.every(Boolean)) return first;
  }
  throw new Error('no free ports');
}

function listenable(port, host) {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, host, () => server.close(() => resolve(true)));
  });
}

/**
 * Starts a program and waits until ready() is true.
 * @param {string} name of the log file
 * @param {string[]} args of usher
 * @param {{cwd: string, ready: (output: string) => boolean | Promise<boolean>}} options
 */
export async function start(name, args, { cwd, ready }) {
  mkdirSync(logs, { recursive: true });
  const file = path.join(logs, `${name}.log`);
  const log = createWriteStream(file);
  const child = spawn(usherBinary, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      output += chunk;
      log.write(chunk);
    });
  }
  const ended = new Promise((resolve) => child.once('close', (code) => resolve(code)));
  const stop = async () => {
    child.kill('SIGTERM');
    const patience = setTimeout(kill, 10_000);
    const code = await ended;
    clearTimeout(patience);
    process.removeListener('exit', kill);
    log.end();
    return code;
  };
  try {
    await until(async () => {
      if (child.exitCode !== null) throw new Error(`${name} ended with ${child.exitCode}:\n${output}`);
      return ready(output);
    }, `${name} to be ready (see ${file})`);
  } catch (error) {
    await stop();
    throw error;
  }
  return { stop, output: () => output };
}

/** Waits for a condition, 20 seconds at most. */
export async function until(condition, what) {
  const end = Date.now() + 20_000;
  while (Date.now() < end) {
    if (await condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`waited in vain for ${what}`);
}

/** Whether a GET is answered with a status below 300. */
export async function answers(url) {
  try {
    return (await fetch(url)).ok;
  } catch {
    return false;
  }
}
