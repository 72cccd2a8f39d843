// The demo in Chromium, step by step as its guide tells.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { launch } from '../lib/chromium.js';
import { startDemo } from '../lib/demo.js';
import { visit as visitDemo } from '../lib/pages.js';

let browser, demo, app, usher;

before(async () => {
  demo = await startDemo('demo');
  ({ app, usher } = demo);
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await demo?.stop();
});

const visit = (steps, options) => visitDemo(browser, demo, options, steps);

describe('sign-in', () => {
  test('chooser, first sign-in, sign-out, second sign-in', () => visit(async (tab) => {
    const { page } = tab;
    await page.goto(app);
    await tab.portrait('app-signed-out');
    await page.getByRole('link', { name: 'Sign in', exact: true }).click();
    await page.getByRole('link', { name: 'Contoso' }).waitFor();
    assert.equal(new URL(page.url()).origin, usher);
    await tab.portrait('usher-chooser');
    await page.getByRole('link', { name: 'Contoso' }).click();
    await page.getByRole('button', { name: 'Ines Okafor' }).waitFor();
    await tab.portrait('provider-people');
    await page.getByRole('button', { name: 'Ines Okafor' }).click();
    await tab.greeted('Ines Okafor');
    await tab.reason('create.new');
    await tab.portrait('app-signed-in');
    const first = await tab.claim('sub');
    assert.match(first, /^[0-9a-f-]{36}$/);

    await tab.signOut();
    assert.equal(new URL(page.url()).origin, app);

    await tab.signIn('Contoso', 'Ines Okafor');
    await tab.reason('update.unchanged');
    assert.equal(await tab.claim('sub'), first);
  }));

  test('somebody who was here before', () => visit(async (tab) => {
    await tab.signIn('Contoso', 'Tomas Berg');
    await tab.greeted('Tomas Berg');
    await tab.reason('update.unchanged');
  }));

  test('groups follow the provider at each sign-in', () => visit(async (tab) => {
    const seen = [];
    for (let n = 0; n < 3; n++) {
      await tab.signIn('Contoso', 'Mei Lindqvist');
      await tab.greeted('Mei Lindqvist');
      seen.push(await tab.claim('groups'));
      await tab.signOut();
    }
    assert.deepEqual(seen, ['platform', 'leads, platform', 'data']);
  }));

  test('a namesake from the other provider gets an account of her own', () => visit(async (tab, { context }) => {
    await tab.signIn('Contoso', 'Ines Okafor');
    const hers = await tab.claim('sub');
    await context.clearCookies();
    await tab.signIn('Partner', 'Ines Moreau');
    await tab.greeted('Ines Moreau');
    assert.notEqual(await tab.claim('sub'), hers);
  }));
});

describe('refusals', () => {
  for (const [person, reason, shot] of [['Sam Reyes', 'admit.refused', 'unverified'], ['Dana Whitlock', 'account.disabled', 'disabled']]) {
    test(`${person}: ${reason}`, () => visit(async (tab) => {
      const { page } = tab;
      await tab.signIn('Contoso', person);
      await tab.refused(reason);
      await tab.portrait(`usher-refused-${shot}`);
      await tab.returnToApplication();
      assert.equal(new URL(page.url()).origin, app);
      await tab.reason(reason);
      await page.getByRole('heading', { name: 'Why' }).waitFor();
      await tab.portrait(`app-denied-${shot}`);
      await page.goto(app);
      await page.getByRole('link', { name: 'Sign in', exact: true }).waitFor();
    }));
  }

  test('cancelled at the provider', () => visit(async (tab) => {
    const { page } = tab;
    await tab.begin('Contoso');
    await page.getByRole('button', { name: /Cancel/ }).click();
    await tab.reason('upstream.error');
  }));

  test('a page that does not exist', () => visit(async (tab) => {
    const { page } = tab;
    const response = await page.goto(`${usher}/no-such-page`);
    assert.equal(response.status(), 404);
    await tab.portrait('usher-not-found');
  }));
});

describe('home realm discovery', () => {
  test('an address leads to its provider', () => visit(async (tab) => {
    const { page } = tab;
    await page.goto(`${app}/login`);
    await page.getByLabel('Work e-mail').fill('somebody@partner.test');
    await page.getByRole('button', { name: 'Continue' }).click();
    const on = page.getByRole('link', { name: /Continue to/ });
    const picker = page.getByRole('button', { name: 'Ines Moreau' });
    await on.or(picker).first().waitFor();
    if (await on.isVisible()) await on.click({ noWaitAfter: true }).catch(() => {}); // it goes on by itself as well
    await picker.click();
    await tab.greeted('Ines Moreau');
  }));

  test('an address of nobody is told so', () => visit(async (tab) => {
    const { page } = tab;
    await page.goto(`${app}/login`);
    await page.getByLabel('Work e-mail').fill('somebody@elsewhere.test');
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.getByRole('alert').waitFor();
    assert.equal(await page.getByLabel('Work e-mail').inputValue(), 'somebody@elsewhere.test');
    await tab.portrait('usher-address-unknown');
  }));
});

describe('what people do', () => {
  test('the back button after a sign-in', () => visit(async (tab) => {
    const { page } = tab;
    await tab.signIn('Contoso', 'Tomas Berg');
    await tab.greeted('Tomas Berg');
    await page.goBack();
    await tab.pick('Ines Okafor'); // in the page of the sign-in that is over
    await tab.over();
    await tab.portrait('usher-back-button');
    await tab.home();
    await tab.greeted('Tomas Berg');
  }));

  test('reload of both callbacks', () => visit(async (tab) => {
    const { page } = tab;
    const callbacks = [];
    page.on('request', (request) => {
      if (/\/callback\?/.test(request.url())) callbacks.push(request.url());
    });
    await tab.signIn('Contoso', 'Tomas Berg');
    await tab.greeted('Tomas Berg');
    assert.equal(callbacks.length, 2);
    const [atUsher, atApp] = callbacks;
    const again = await page.goto(atUsher);
    assert.ok(again.status() < 500, `status ${again.status()}`);
    await tab.portrait('usher-callback-reloaded');
    await page.goto(atApp);
    await tab.greeted('Tomas Berg');
    await tab.home();
    await tab.greeted('Tomas Berg');
  }));

  test('two tabs, finished crosswise', () => visit(async (one) => {
    const two = await one.another();
    await one.begin('Contoso');
    await two.begin('Contoso');
    await two.pick('Tomas Berg');
    await two.greeted('Tomas Berg');
    await one.pick('Ines Okafor');
    await one.greeted('Ines Okafor');
    await two.page.reload();
    await two.greeted('Ines Okafor'); // the application has one session in a browser: the last
  }));

  test('a callback opened in another browser signs nobody in', () => visit(async (tab) => {
    const { page } = tab;
    const stolen = page.waitForRequest((request) => request.url().startsWith(`${usher}/idp/contoso/callback?`));
    await tab.signIn('Contoso', 'Tomas Berg');
    const url = (await stolen).url();
    await tab.greeted('Tomas Berg');
    await visit(async (other) => {
      const response = await other.page.goto(url);
      assert.ok(response.status() >= 400 && response.status() < 500, `status ${response.status()}`);
      await other.over();
    });
  }));

  test('sign-out without a token asks first', () => visit(async (tab) => {
    const { page } = tab;
    await tab.signIn('Contoso', 'Tomas Berg');
    await tab.greeted('Tomas Berg');
    await page.goto(`${usher}/logout`);
    await page.getByRole('heading', { name: 'Sign out?' }).waitFor();
    await tab.portrait('usher-sign-out');
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('heading', { name: 'You are signed out' }).waitFor();
    await tab.portrait('usher-signed-out');
  }));
});

describe('without JavaScript', () => {
  const options = { javaScriptEnabled: false };

  test('chooser, sign-in, sign-out', () => visit(async (tab) => {
    const { page } = tab;
    await page.goto(app);
    await page.getByRole('link', { name: 'Sign in', exact: true }).click();
    await page.getByRole('link', { name: 'Contoso' }).click();
    await page.getByRole('button', { name: 'Tomas Berg' }).click();
    await tab.greeted('Tomas Berg');
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('link', { name: 'Sign in', exact: true }).waitFor();
  }, options));

  test('a refusal', () => visit(async (tab) => {
    await tab.signIn('Contoso', 'Sam Reyes');
    await tab.reason('admit.refused');
    await tab.returnToApplication();
  }, options));
});
