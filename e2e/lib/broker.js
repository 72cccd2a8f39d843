// Usher between parts it did not write: an outside provider in front of it, and
// one application behind.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { answers, cli, folder, freePorts, start } from './process.js';
import { startUpstream } from './upstream.js';

/** Starts Usher and its provider. Whoever comes from there is people[who()]; more is lines of the Server document. */
export async function startBroker(name, { people, who, redirectUri, afterLogout, more = '' }) {
  const port = await freePorts(2);
  const [dir, removeFolder] = folder();
  const issuer = `http://localhost:${port}`;
  const [secret, upstreamSecret] = [randomBytes(24).toString('base64url'), randomBytes(24).toString('base64url')];
  const upstream = await startUpstream({
    port: port + 1, clientSecret: upstreamSecret, redirectUri: `${issuer}/idp/outside/callback`, people, who,
  });
  const file = path.join(dir, 'usher.yaml');
  writeFileSync(file, `
kind: Server
issuer: "${issuer}"
listen: "localhost:${port}"
data: "${dir}"
${more}
---
kind: IdentityProvider
name: outside
displayName: Outside
protocol: oidc
oidc:
  issuer: "${upstream.issuer}"
  clientId: usher
  clientSecret: "${upstreamSecret}"
  scopes: [openid, email, profile, groups]
  allowPrivateNetwork: true
  allowHTTP: true
admit: { verified: true }
mapping:
  username: claims.preferred_username
  attributes:
    email: claims.?email
    displayName: claims.?name
    givenName: claims.?given_name
    familyName: claims.?family_name
  groups: claims.?groups
  verified: { email: "claims.?email_verified.orValue(false) == true" }
jit:
  enabled: true
  sync:
    attributes: override
    groupMap: { eng-platform: [platform] }
---
kind: Application
id: wiki
name: Wiki
clientSecret: "${secret}"
redirectUris: ["${redirectUri}"]
postLogoutRedirectUris: ["${afterLogout}"]
scopes: [profile, email, groups, offline_access]
explain: true
`);
  const usher = await start(name, ['serve', '--config', file], { cwd: dir, ready: () => answers(`${issuer}/readyz`) });
  return {
    issuer,
    secret, // of the application wiki

    /** An address with which somebody sets a password, as an operator issues it. */
    async resetLink(who) {
      return (await cli(file, 'user', 'code', who)).match(/http\S+/)[0];
    },

    async stop() {
      const code = await usher.stop();
      await upstream.stop();
      removeFolder();
      assert.deepEqual(upstream.errors, [], 'the outside provider saw no failure of its own');
      assert.equal(code, 0, 'usher ends with status 0 on SIGTERM');
    },
  };
}
