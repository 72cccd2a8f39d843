// Usher between parts it did not write: npm oidc-provider as the outside
// provider and npm openid-client as the application.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import * as client from 'openid-client';
import { startBroker } from '../lib/broker.js';
import { PlainBrowser } from '../lib/browser.js';

const people = {
  'subject-of-ada': {
    preferred_username: 'ada', name: 'Ada Byron', given_name: 'Ada', family_name: 'Byron',
    email: 'ada@example.test', email_verified: true, groups: ['eng-platform', 'eng-secret'],
  },
  'subject-of-carl': { preferred_username: 'carl', name: 'Carl Gauss', email: 'carl@example.test', email_verified: false, groups: [] },
};
const redirectUri = 'http://127.0.0.1:1/callback'; // never called
const afterLogout = 'http://127.0.0.1:1/signed-out';

let broker, config;
let person = 'subject-of-ada';

before(async () => {
  broker = await startBroker('openid', { people, who: () => person, redirectUri, afterLogout });
  config = await client.discovery(new URL(broker.issuer), 'wiki', undefined, client.ClientSecretBasic(broker.secret), {
    execute: [client.allowInsecureRequests],
  });
});

after(() => broker?.stop());

/** Begins a sign-in; gives the address and what has to be checked at its end. */
async function request(extra = {}) {
  const verifier = client.randomPKCECodeVerifier();
  const checks = {
    pkceCodeVerifier: verifier, expectedState: client.randomState(), expectedNonce: client.randomNonce(), idTokenExpected: true,
  };
  const url = client.buildAuthorizationUrl(config, {
    redirect_uri: redirectUri, scope: 'openid profile email groups offline_access',
    code_challenge: await client.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256',
    state: checks.expectedState, nonce: checks.expectedNonce, ...extra,
  });
  return { url, checks };
}

/** One whole sign-in. */
async function signIn(browser = new PlainBrowser()) {
  const { url, checks } = await request();
  const back = await browser.follow(url, redirectUri);
  return { tokens: await client.authorizationCodeGrant(config, back, checks), back, checks };
}

const refused = (code) => (error) => error instanceof client.ResponseBodyError && error.error === code;

describe('discovery', () => {
  test('says what openid-client needs', () => {
    const meta = config.serverMetadata();
    assert.equal(meta.issuer, broker.issuer);
    assert.deepEqual(meta.code_challenge_methods_supported, ['S256']);
    assert.equal(meta.authorization_response_iss_parameter_supported, true);
  });
});

describe('sign-in', () => {
  test('first and second sign-in give the same person', async () => {
    const first = (await signIn()).tokens;
    const second = (await signIn()).tokens;
    assert.ok(first.claims().sub);
    assert.equal(second.claims().sub, first.claims().sub);
    assert.notEqual(second.claims().usher_decision, first.claims().usher_decision);
  });

  test('userinfo tells of the account, with mapped groups only', async () => {
    const { tokens } = await signIn();
    const info = await client.fetchUserInfo(config, tokens.access_token, tokens.claims().sub);
    assert.equal(info.preferred_username, 'ada');
    assert.equal(info.name, 'Ada Byron');
    assert.equal(info.email, 'ada@example.test');
    assert.equal(info.email_verified, true);
    assert.deepEqual(info.groups, ['platform']);
  });

  test('a session spares the second trip to the provider', async () => {
    const browser = new PlainBrowser();
    await signIn(browser);
    const seen = person;
    person = undefined; // the provider would refuse now
    try {
      const { tokens } = await signIn(browser);
      assert.ok(tokens.claims().sub);
    } finally {
      person = seen;
    }
  });

  test('prompt=none without a session asks for a login', async () => {
    const { url, checks } = await request({ prompt: 'none' });
    const back = await new PlainBrowser().follow(url, redirectUri);
    await assert.rejects(client.authorizationCodeGrant(config, back, checks), { error: 'login_required' });
  });

  test('an unverified address is refused, and the application can be told so', async () => {
    person = 'subject-of-carl';
    try {
      const { url, checks } = await request();
      const page = await follow200(new PlainBrowser(), url);
      assert.match(page, /admit\.refused/);
      const link = page.match(new RegExp(`href="(${redirectUri.replaceAll('.', '\\.')}[^"]*)"`));
      assert.ok(link, 'the page leads back to the application');
      const back = new URL(link[1].replaceAll('&amp;', '&').replaceAll('&#43;', '+'));
      await assert.rejects(client.authorizationCodeGrant(config, back, checks), { error: 'access_denied' });
    } finally {
      person = 'subject-of-ada';
    }
  });
});

/** Follows redirects to a page and gives its text. */
async function follow200(browser, url) {
  for (let at = String(url), n = 0; n < 20; n++) {
    const response = await browser.get(at);
    const location = response.headers.get('location');
    if (!location) return response.text();
    at = new URL(location, at).href;
    if (at.startsWith(redirectUri)) throw new Error(`straight to the application: ${at}`);
  }
  throw new Error('too many redirects');
}

describe('codes and tokens', () => {
  test('a code counts once', async () => {
    const { tokens, back, checks } = await signIn();
    await assert.rejects(client.authorizationCodeGrant(config, back, checks), refused('invalid_grant'));
    await assert.rejects(client.refreshTokenGrant(config, tokens.refresh_token), refused('invalid_grant'), 'and what the first use gave is revoked');
  });

  test('a code without its verifier is worth nothing', async () => {
    const { url, checks } = await request();
    const back = await new PlainBrowser().follow(url, redirectUri);
    const wrong = { ...checks, pkceCodeVerifier: client.randomPKCECodeVerifier() };
    await assert.rejects(client.authorizationCodeGrant(config, back, wrong), refused('invalid_grant'));
  });

  test('refresh tokens rotate, and the use of an old one revokes all', async () => {
    const { tokens } = await signIn();
    const second = await client.refreshTokenGrant(config, tokens.refresh_token);
    assert.notEqual(second.refresh_token, tokens.refresh_token);
    assert.equal(second.claims().sub, tokens.claims().sub);
    const third = await client.refreshTokenGrant(config, second.refresh_token);
    await assert.rejects(client.refreshTokenGrant(config, second.refresh_token), refused('invalid_grant'));
    await assert.rejects(client.refreshTokenGrant(config, third.refresh_token), refused('invalid_grant'));
    assert.equal((await client.tokenIntrospection(config, third.access_token)).active, false);
  });

  test('introspection and revocation', async () => {
    const { tokens } = await signIn();
    const alive = await client.tokenIntrospection(config, tokens.access_token);
    assert.equal(alive.active, true);
    assert.equal(alive.client_id, 'wiki');
    assert.equal(alive.sub, tokens.claims().sub);
    assert.equal((await client.tokenIntrospection(config, 'no token of ours')).active, false);
    await client.tokenRevocation(config, tokens.refresh_token);
    assert.equal((await client.tokenIntrospection(config, tokens.refresh_token)).active, false);
    assert.equal((await client.tokenIntrospection(config, tokens.access_token)).active, false);
    await assert.rejects(client.refreshTokenGrant(config, tokens.refresh_token), refused('invalid_grant'));
  });

  test('a wrong client secret is refused', async () => {
    const other = await client.discovery(new URL(broker.issuer), 'wiki', undefined, client.ClientSecretBasic('not the secret at all'), {
      execute: [client.allowInsecureRequests],
    });
    const { url, checks } = await request();
    const back = await new PlainBrowser().follow(url, redirectUri);
    await assert.rejects(client.authorizationCodeGrant(other, back, checks), (error) => {
      assert.ok(error instanceof client.ResponseBodyError || error instanceof client.WWWAuthenticateChallengeError, error.constructor.name);
      return true;
    });
    assert.ok((await client.authorizationCodeGrant(config, back, checks)).id_token, 'and the code is still good');
  });
});

describe('sign-out', () => {
  test('ends the session and comes back to the application', async () => {
    const browser = new PlainBrowser();
    const { tokens } = await signIn(browser);
    const url = client.buildEndSessionUrl(config, { id_token_hint: tokens.id_token, post_logout_redirect_uri: afterLogout, state: 'bye' });
    const back = await browser.follow(url, afterLogout);
    assert.equal(back.searchParams.get('state'), 'bye');
    const { url: again, checks } = await request({ prompt: 'none' });
    const answer = await browser.follow(again, redirectUri);
    await assert.rejects(client.authorizationCodeGrant(config, answer, checks), { error: 'login_required' });
  });

  test('goes nowhere that is not registered', async () => {
    const browser = new PlainBrowser();
    const { tokens } = await signIn(browser);
    const url = client.buildEndSessionUrl(config, { id_token_hint: tokens.id_token, post_logout_redirect_uri: 'http://127.0.0.1:1/elsewhere' });
    const response = await browser.get(url);
    assert.equal(response.status, 400);
    assert.equal(response.headers.get('location'), null);
  });
});
