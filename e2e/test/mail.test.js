// A forgotten password, set anew by mail.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, before, describe, test } from 'node:test';
import * as client from 'openid-client';
import { startBroker } from '../lib/broker.js';
import { launch } from '../lib/chromium.js';
import { startMailbox } from '../lib/mailbox.js';
import { goodPassword, visit } from '../lib/pages.js';
import { until } from '../lib/process.js';

const people = {
  'subject-of-ada': { preferred_username: 'ada', name: 'Ada Byron', email: 'ada@example.test', email_verified: true, groups: [] },
};

let browser, broker, mailbox, landing, config, redirectUri;

before(async () => {
  mailbox = await startMailbox();
  landing = createServer((_req, res) => res.setHeader('content-type', 'text/html').end('<!doctype html><html lang="en"><title>Wiki</title><h1>Wiki</h1>'));
  await new Promise((resolve) => landing.listen(0, '127.0.0.1', resolve));
  redirectUri = `http://127.0.0.1:${landing.address().port}/callback`;
  broker = await startBroker('mail', {
    people, who: () => 'subject-of-ada', redirectUri, afterLogout: redirectUri,
    more: `localSignIn: true\nmail: { smtp: "${mailbox.address}", tls: none, from: "Usher <no-reply@example.test>" }`,
  });
  config = await client.discovery(new URL(broker.issuer), 'wiki', undefined, client.ClientSecretBasic(broker.secret), {
    execute: [client.allowInsecureRequests],
  });
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await broker?.stop();
  await mailbox?.stop();
  landing?.close();
  landing?.closeAllConnections();
});

/** Begins a sign-in; gives what redeems the answer, which is where the browser then is. */
async function begin(page, more) {
  const pkceCodeVerifier = client.randomPKCECodeVerifier();
  await page.goto(client.buildAuthorizationUrl(config, {
    redirect_uri: redirectUri, scope: 'openid', code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: 'S256', ...more,
  }).href);
  return async () => {
    await page.getByRole('heading', { name: 'Wiki' }).waitFor();
    return (await client.authorizationCodeGrant(config, new URL(page.url()), { pkceCodeVerifier, idTokenExpected: true })).claims().sub;
  };
}

/** Asks for a new password for somebody, from the page for passwords. */
async function forget(tab, name) {
  await begin(tab.page, { idp_hint: 'local' });
  await tab.page.getByRole('link', { name: 'Forgotten your password?' }).click();
  await tab.page.getByRole('heading', { name: 'Forgotten your password?' }).waitFor();
  if (name === 'ada@example.test') await tab.portrait('usher-forgotten');
  await tab.page.getByLabel('Username or e-mail address').fill(name);
  await tab.page.getByRole('button', { name: 'Send the link' }).click();
  await tab.page.getByRole('status').waitFor();
  return (await tab.page.locator('main').textContent()).replaceAll(/\s+/g, ' ');
}

describe('a forgotten password', () => {
  test('is set anew by a link that counts once, and nobody learns who has an account', () => visit(browser, { usher: broker.issuer }, {}, async (tab, { context }) => {
    const first = await (await begin(tab.page, { idp_hint: 'outside' }))();
    await context.clearCookies();
    await forget(tab, 'ada'); // who never had a password has forgotten none, and gets no letter
    await tab.page.goto(await broker.resetLink('ada'));
    await tab.local.renew(`${goodPassword} and forgotten`);
    await until(() => mailbox.letters.length > 0, 'the notice that a password was set');
    assert.equal(mailbox.letters.length, 1);

    const strangers = await forget(tab, 'nobody@example.test');
    const adas = await forget(tab, 'ada@example.test');
    assert.equal(adas, strangers, 'both are told the same');
    await tab.look('forgotten-sent');
    await until(() => mailbox.letters.length > 1, 'the letter');
    const [, letter] = mailbox.letters;
    assert.deepEqual(letter.to, ['ada@example.test']);

    const link = letter.text.match(/http:\S+\/login\/reset\?code=[\w-]+/)[0];
    await tab.page.goto(link);
    await tab.local.renew(goodPassword);
    await tab.page.goto(link);
    await tab.refused('local.code_unknown');

    const back = await begin(tab.page, { idp_hint: 'local' });
    await tab.local.signIn('ada', goodPassword);
    assert.equal(await back(), first, 'the same person');
    await until(() => mailbox.letters.length > 2, 'the notice');
    assert.equal(mailbox.letters.length, 3, 'a notice, the link, and another notice');
  }));
});
