// The demo in Chromium, step by step as its guide tells.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { accessible, launch, shoot, visitor } from '../lib/chromium.js';
import { folder, freePorts, start } from '../lib/process.js';

let browser, demo, removeFolder, app, usher;

before(async () => {
  const port = await freePorts(4);
  const [dir, remove] = folder();
  removeFolder = remove;
  usher = `http://localhost:${port}`;
  app = `http://127.0.0.1:${port + 1}`;
  demo = await start('demo', ['demo', '--port', String(port)], { cwd: dir, ready: (output) => output.includes('Ctrl+C') });
  browser = await launch();
});

after(async () => {
  await browser?.close();
  const code = await demo?.stop();
  removeFolder?.();
  assert.equal(code, 0, 'the demo ends with status 0 on SIGTERM');
});

/** Runs steps as a new visitor, whose browser must have nothing to complain of. */
async function visit(steps, options) {
  const v = await visitor(browser, options);
  try {
    await steps(v.page, v);
    assert.deepEqual(v.complaints, []);
  } finally {
    await v.context.close();
  }
}

/** Signs in at a provider as a person, from the application's first page. */
async function signIn(page, provider, person) {
  await page.goto(app);
  await page.getByRole('link', { name: `Sign in with ${provider}` }).click();
  await page.getByRole('button', { name: person }).click();
}

const sub = (page) => page.locator('section', { hasText: 'The account' }).locator('div', { has: page.getByText('sub', { exact: true }) }).locator('dd code').first().textContent();
const seesReason = (page, word) => page.getByText(word, { exact: true }).first().waitFor();
const greets = (page, name) => page.getByText(`Hello, ${name}.`).waitFor();

describe('sign-in', () => {
  test('chooser, first sign-in, sign-out, second sign-in', () => visit(async (page) => {
    await page.goto(app);
    await shoot(page, 'app-signed-out');
    await accessible(page, 'the application, signed out');
    await page.getByRole('link', { name: 'Sign in', exact: true }).click();
    await page.getByRole('link', { name: 'Contoso' }).waitFor();
    assert.equal(new URL(page.url()).origin, usher);
    await shoot(page, 'usher-chooser');
    await accessible(page, 'the chooser');
    await page.getByRole('link', { name: 'Contoso' }).click();
    await page.getByRole('button', { name: 'Ines Okafor' }).waitFor();
    await shoot(page, 'provider-people');
    await accessible(page, 'the provider');
    await page.getByRole('button', { name: 'Ines Okafor' }).click();
    await greets(page, 'Ines Okafor');
    await seesReason(page, 'create.new');
    await shoot(page, 'app-signed-in');
    await accessible(page, 'the application, signed in');
    const first = await sub(page);
    assert.match(first, /^[0-9a-f-]{36}$/);

    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('link', { name: 'Sign in', exact: true }).waitFor();
    assert.equal(new URL(page.url()).origin, app);

    await signIn(page, 'Contoso', 'Ines Okafor');
    await seesReason(page, 'update.unchanged');
    assert.equal(await sub(page), first);
  }));

  test('somebody who was here before', () => visit(async (page) => {
    await signIn(page, 'Contoso', 'Tomas Berg');
    await greets(page, 'Tomas Berg');
    await seesReason(page, 'update.unchanged');
  }));

  test('groups follow the provider at each sign-in', () => visit(async (page) => {
    const groups = async () => page.locator('section', { hasText: 'The account' }).locator('div', { has: page.getByText('groups', { exact: true }) }).locator('dd code').first().textContent();
    const seen = [];
    for (let n = 0; n < 3; n++) {
      await signIn(page, 'Contoso', 'Mei Lindqvist');
      await greets(page, 'Mei Lindqvist');
      seen.push(await groups());
      await page.getByRole('button', { name: 'Sign out' }).click();
      await page.getByRole('link', { name: 'Sign in', exact: true }).waitFor();
    }
    assert.deepEqual(seen, ['platform', 'leads, platform', 'data']);
  }));

  test('a namesake from the other provider gets an account of her own', () => visit(async (page, { context }) => {
    await signIn(page, 'Contoso', 'Ines Okafor');
    const hers = await sub(page);
    await context.clearCookies();
    await signIn(page, 'Partner', 'Ines Moreau');
    await greets(page, 'Ines Moreau');
    assert.notEqual(await sub(page), hers);
  }));
});

describe('refusals', () => {
  for (const [person, reason, shot] of [['Sam Reyes', 'admit.refused', 'unverified'], ['Dana Whitlock', 'account.disabled', 'disabled']]) {
    test(`${person}: ${reason}`, () => visit(async (page) => {
      await signIn(page, 'Contoso', person);
      await seesReason(page, reason);
      assert.equal(new URL(page.url()).origin, usher);
      await shoot(page, `usher-refused-${shot}`);
      await accessible(page, 'the refusal');
      await page.getByRole('link', { name: /Return to Sample application/ }).click();
      await page.getByRole('heading', { name: 'Usher did not let you in' }).waitFor();
      assert.equal(new URL(page.url()).origin, app);
      await seesReason(page, reason);
      await page.getByRole('heading', { name: 'Why' }).waitFor();
      await shoot(page, `app-denied-${shot}`);
      await accessible(page, 'the application, denied');
      await page.goto(app);
      await page.getByRole('link', { name: 'Sign in', exact: true }).waitFor();
    }));
  }

  test('cancelled at the provider', () => visit(async (page) => {
    await page.goto(`${app}/login?idp=contoso`);
    await page.getByRole('button', { name: /Cancel/ }).click();
    await seesReason(page, 'upstream.error');
  }));

  test('a page that does not exist', () => visit(async (page) => {
    const response = await page.goto(`${usher}/no-such-page`);
    assert.equal(response.status(), 404);
    await shoot(page, 'usher-not-found');
    await accessible(page, 'not found');
  }));
});

describe('home realm discovery', () => {
  test('an address leads to its provider', () => visit(async (page) => {
    await page.goto(`${app}/login`);
    await page.getByLabel('Work e-mail').fill('somebody@partner.test');
    await page.getByRole('button', { name: 'Continue' }).click();
    const on = page.getByRole('link', { name: /Continue to/ });
    const picker = page.getByRole('button', { name: 'Ines Moreau' });
    await on.or(picker).first().waitFor();
    if (await on.isVisible()) await on.click({ noWaitAfter: true }).catch(() => {}); // it goes on by itself as well
    await picker.click();
    await greets(page, 'Ines Moreau');
  }));

  test('an address of nobody is told so', () => visit(async (page) => {
    await page.goto(`${app}/login`);
    await page.getByLabel('Work e-mail').fill('somebody@elsewhere.test');
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.getByRole('alert').waitFor();
    assert.equal(await page.getByLabel('Work e-mail').inputValue(), 'somebody@elsewhere.test');
    await shoot(page, 'usher-address-unknown');
    await accessible(page, 'the chooser with a problem');
  }));
});

describe('what people do', () => {
  test('the back button after a sign-in', () => visit(async (page) => {
    await signIn(page, 'Contoso', 'Tomas Berg');
    await greets(page, 'Tomas Berg');
    await page.goBack();
    await page.getByRole('button', { name: 'Ines Okafor' }).click(); // in the page of the sign-in that is over
    await page.getByRole('heading', { level: 1 }).waitFor();
    assert.equal(new URL(page.url()).origin, usher);
    assert.match(await page.locator('main').textContent(), /flow\.state_\w+/);
    await shoot(page, 'usher-back-button');
    await accessible(page, 'after the back button');
    await page.goto(app);
    await greets(page, 'Tomas Berg');
  }));

  test('reload of both callbacks', () => visit(async (page) => {
    const callbacks = [];
    page.on('request', (request) => {
      if (/\/callback\?/.test(request.url())) callbacks.push(request.url());
    });
    await signIn(page, 'Contoso', 'Tomas Berg');
    await greets(page, 'Tomas Berg');
    assert.equal(callbacks.length, 2);
    const [atUsher, atApp] = callbacks;
    const again = await page.goto(atUsher);
    assert.ok(again.status() < 500, `status ${again.status()}`);
    await shoot(page, 'usher-callback-reloaded');
    await accessible(page, 'the callback, reloaded');
    await page.goto(atApp);
    await greets(page, 'Tomas Berg');
    await page.goto(app);
    await greets(page, 'Tomas Berg');
  }));

  test('two tabs, finished crosswise', () => visit(async (one, { context }) => {
    const two = await context.newPage();
    await one.goto(`${app}/login?idp=contoso`);
    await two.goto(`${app}/login?idp=contoso`);
    await two.getByRole('button', { name: 'Tomas Berg' }).click();
    await greets(two, 'Tomas Berg');
    await one.getByRole('button', { name: 'Ines Okafor' }).click();
    await greets(one, 'Ines Okafor');
    await two.reload();
    await greets(two, 'Ines Okafor'); // the application has one session in a browser: the last
  }));

  test('a callback opened in another browser signs nobody in', () => visit(async (page) => {
    const stolen = page.waitForRequest((request) => request.url().startsWith(`${usher}/idp/contoso/callback?`));
    await signIn(page, 'Contoso', 'Tomas Berg');
    const url = (await stolen).url();
    await greets(page, 'Tomas Berg');
    await visit(async (other) => {
      const response = await other.goto(url);
      assert.ok(response.status() >= 400 && response.status() < 500, `status ${response.status()}`);
      assert.match(await other.locator('main').textContent(), /flow\.state_\w+/);
    });
  }));

  test('sign-out without a token asks first', () => visit(async (page) => {
    await signIn(page, 'Contoso', 'Tomas Berg');
    await greets(page, 'Tomas Berg');
    await page.goto(`${usher}/logout`);
    await page.getByRole('heading', { name: 'Sign out?' }).waitFor();
    await shoot(page, 'usher-sign-out');
    await accessible(page, 'sign out?');
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('heading', { name: 'You are signed out' }).waitFor();
    await shoot(page, 'usher-signed-out');
    await accessible(page, 'signed out');
  }));
});

describe('without JavaScript', () => {
  const options = { javaScriptEnabled: false };

  test('chooser, sign-in, sign-out', () => visit(async (page) => {
    await page.goto(app);
    await page.getByRole('link', { name: 'Sign in', exact: true }).click();
    await page.getByRole('link', { name: 'Contoso' }).click();
    await page.getByRole('button', { name: 'Tomas Berg' }).click();
    await greets(page, 'Tomas Berg');
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('link', { name: 'Sign in', exact: true }).waitFor();
  }, options));

  test('a refusal', () => visit(async (page) => {
    await signIn(page, 'Contoso', 'Sam Reyes');
    await seesReason(page, 'admit.refused');
    await page.getByRole('link', { name: /Return to/ }).click();
    await page.getByRole('heading', { name: 'Usher did not let you in' }).waitFor();
  }, options));
});
