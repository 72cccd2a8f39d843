// The demo: Usher, its two practice providers and its sample application, with
// what a test does to it beside looking at pages.
import assert from 'node:assert/strict';
import { cli, folder, freePorts, start } from './process.js';

/** Starts the demo on free ports. */
export async function startDemo(name) {
  const port = await freePorts(4);
  const [dir, removeFolder] = folder();
  const child = await start(name, ['demo', '--port', String(port)], { cwd: dir, ready: (output) => output.includes('Ctrl+C') });
  const config = child.output().match(/user code --config (\S+)/)[1];
  const usher = `http://localhost:${port}`;
  const app = `http://127.0.0.1:${port + 1}`;
  const post = async (where, form) => {
    const response = await fetch(`${app}${where}`, { method: 'POST', body: new URLSearchParams(form) });
    assert.equal(response.status, 200, await response.text());
  };
  return {
    usher,
    app,

    /** Brings a policy in force: the first option of every choice but those named. */
    policy: (choices = {}) => post('/options', { ...first, ...choices }),

    /** Begins anew: only Tomas Berg and Dana Whitlock of Contoso have been here. */
    afresh: () => post('/afresh', {}),

    /** What a command of usher prints. */
    cli: (...args) => cli(config, ...args),

    /** The usernames in a store. */
    async usernames(store = 'PRIMARY') {
      const [, ...lines] = (await this.cli('user', 'list', '--store', store)).trim().split('\n');
      return lines.map((line) => line.trim().split(/\s+/)[1]).sort();
    },

    /** An address with which somebody sets a password, as an operator issues it. */
    async resetLink(who) {
      return (await this.cli('user', 'code', who)).match(/http\S+/)[0];
    },

    async stop() {
      const code = await child.stop();
      removeFolder();
      assert.equal(code, 0, 'the demo ends with status 0 on SIGTERM');
    },
  };
}

const first = {
  'contoso-ask': 'nothing', 'contoso-store': 'primary', 'contoso-sync': 'override', 'contoso-conflict': 'deny',
  'partner-link': 'none', 'partner-phone': 'optional',
};
