// The pages of the demo as a person uses them. A guest is one person at one
// browser; it may have several tabs.
import assert from 'node:assert/strict';
import { accessible, glance, shoot, visitor } from './chromium.js';

export const goodPassword = 'correct horse battery';

/** Runs steps as a guest of the demo, whose browser must have nothing to complain of. */
export async function visit(browser, demo, options, steps) {
  const v = await visitor(browser, options);
  try {
    await steps(new Tab(v.page, demo, options), v);
    assert.deepEqual(v.complaints, []);
  } finally {
    await v.context.close();
  }
}

/** One tab of a guest. */
export class Tab {
  constructor(page, demo, options = {}) {
    Object.assign(this, { page, demo, options });
    this.ask = new Ask(page);
    this.prove = new Prove(page);
    this.local = new Local(page);
  }

  /** Another tab of the same browser. */
  async another() {
    return new Tab(await this.page.context().newPage(), this.demo, this.options);
  }

  /** Turns to this tab. */
  front() {
    return this.page.bringToFront();
  }

  /** Begins a sign-in at the application and picks a person at the provider. */
  async signIn(provider, person, more = {}) {
    await this.begin(provider, more);
    await this.pick(person);
  }

  /** Begins a sign-in at the application, as far as the provider. */
  begin(provider, more = {}) {
    return this.page.goto(`${this.demo.app}/login?${new URLSearchParams({ idp: provider.toLowerCase(), ...more })}`);
  }

  pick(person) {
    return this.page.getByRole('button', { name: person }).click();
  }

  async signOut() {
    await this.page.goto(this.demo.app);
    await this.page.getByRole('button', { name: 'Sign out' }).click();
    await this.page.getByRole('link', { name: 'Sign in', exact: true }).waitFor();
  }

  home() {
    return this.page.goto(this.demo.app);
  }

  /** Waits until the application greets somebody, for a reason. */
  async greeted(name, reason) {
    await this.page.getByText(`Hello, ${name}.`).waitFor();
    if (reason) await this.reason(reason);
  }

  /** Waits until Usher refuses for a reason. */
  async refused(reason) {
    await this.reason(reason);
    assert.equal(new URL(this.page.url()).origin, this.demo.usher);
  }

  /** Waits until Usher says that this sign-in is over. */
  async over() {
    await this.page.getByText(/^flow\.state_\w+$/).first().waitFor();
    assert.equal(new URL(this.page.url()).origin, this.demo.usher);
  }

  /** Goes from a refusal to the application, which is told of it. */
  async returnToApplication() {
    await this.page.getByRole('link', { name: /Return to Sample application/ }).click();
    await this.page.getByRole('heading', { name: 'Usher did not let you in' }).waitFor();
  }

  reason(word) {
    return this.page.getByText(word, { exact: true }).first().waitFor();
  }

  /** A claim of userinfo, undefined if the application was not told it. */
  async claim(name) {
    const row = this.page.locator('section', { hasText: 'The account' }).locator('dl > div', { has: this.page.getByText(name, { exact: true }) });
    return (await row.count()) ? row.locator('dd code').first().textContent() : undefined;
  }

  /** The story of why. */
  why() {
    return this.page.locator('section.why').textContent();
  }

  /** Looks at the page in every way, once for each kind of page. */
  async portrait(name) {
    await shoot(this.page, name);
    await accessible(this.page, name);
  }

  /** Looks at the page: no barriers, and a picture for people to look at. */
  async look(name) {
    await glance(this.page, name);
    if (this.options.javaScriptEnabled !== false) await accessible(this.page, name, ['light']);
  }
}

/** Usher's page that asks for what is missing. */
class Ask {
  constructor(page) {
    this.page = page;
    this.form = page.locator('form[action$="/login/ask"]');
  }

  seen() {
    return this.page.getByRole('heading', { name: 'One more step' }).waitFor();
  }

  isThere() {
    return this.form.isVisible();
  }

  field(name) {
    return this.form.locator(`[name="${name === 'phone' ? 'attribute.phone' : name}"]`);
  }

  /** What is asked, in the order of the page. */
  async asked() {
    const names = await this.form.locator('input:visible').evaluateAll((inputs) => inputs.map((input) => input.name.split('.')));
    return [...new Set(names.map(([first, second]) => (first === 'attribute' ? second : first)))];
  }

  /** Answers everything that is asked. consent agrees to what is needed and to all details but those in without. */
  async answer(asks, { consent, without = [], ...fields }) {
    await this.seen();
    for (const name of asks) {
      if (name !== 'consent') await this.field(name).fill(fields[name]);
    }
    if (asks.includes('consent') && consent) {
      await this.field('consent.account').check();
      for (const detail of ['phone', 'department']) await this.field(`consent.account.${detail}`).setChecked(!without.includes(detail));
    }
    await this.form.getByRole('button', { name: 'Continue' }).click();
  }

  async decline() {
    await this.seen();
    await this.form.getByRole('button', { name: 'Don’t go on' }).click();
  }

  /** Says that the account in the way is theirs. */
  async claimAccount() {
    await this.seen();
    await this.form.getByRole('button', { name: 'Yes, it is mine' }).click();
  }

  /** Waits until the page complains of a field, at the top and beside it. */
  async problem(name) {
    await this.page.getByRole('alert').waitFor();
    assert.equal(await this.field(name).getAttribute('aria-invalid'), 'true');
    return this.page.locator(`[id="${await this.field(name).getAttribute('id')}-problem"]`).textContent();
  }
}

/** Usher's page that asks for a proof that an account is theirs. */
class Prove {
  constructor(page) {
    this.page = page;
  }

  seen() {
    return this.page.getByRole('heading', { name: 'Is this account yours?' }).waitFor();
  }

  /** The page after a provider has shown it. */
  proven() {
    return this.page.getByRole('heading', { name: 'Connect the two?' }).waitFor();
  }

  /** Goes to a provider that the account is linked to. */
  async by(provider) {
    await this.page.getByRole('button', { name: `Show it with ${provider}` }).click();
  }

  /** Says that the proven account is to be connected. */
  connect() {
    return this.page.getByRole('button', { name: 'Connect', exact: true }).click();
  }

  async password(password) {
    await this.page.getByLabel('The password of that account').fill(password);
    await this.page.getByRole('button', { name: 'Continue' }).click();
  }

  problem() {
    return this.page.getByRole('alert').waitFor();
  }
}

/** Usher's pages for passwords of its own. */
class Local {
  constructor(page) {
    this.page = page;
  }

  seen() {
    return this.page.getByRole('heading', { name: 'Sign in with a password' }).waitFor();
  }

  async signIn(username, password) {
    await this.page.getByLabel('Username').fill(username);
    await this.page.getByLabel('Password').fill(password);
    await this.page.getByRole('button', { name: 'Sign in', exact: true }).click();
  }

  problem() {
    return this.page.getByRole('alert').waitFor();
  }

  /** Sets a new password, on the page that a code leads to. */
  async renew(password) {
    await this.page.getByLabel('New password').fill(password);
    await this.page.getByRole('button', { name: 'Set the password' }).click();
    await this.page.getByText('Your new password is set.').waitFor();
  }
}
