// The four ways of asking, in everything people do: with and without JavaScript.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { launch } from '../lib/chromium.js';
import { startDemo } from '../lib/demo.js';
import { goodPassword, visit } from '../lib/pages.js';

let browser, demo;

before(async () => {
  demo = await startDemo('ask');
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await demo?.stop();
});

const answers = { username: 'ines.okafor', password: goodPassword, consent: true };
const ways = [
  { way: 'nothing', row: 'P009', asks: [] },
  { way: 'consent', row: 'P010', asks: ['consent'] },
  { way: 'password', row: 'P011', asks: ['password', 'consent'] },
  { way: 'username', row: 'P012', asks: ['username', 'password', 'consent'] },
];

/** What Ines is called if she answers as above. */
const called = (w) => (w.asks.includes('username') ? answers.username : 'ines');

/** Signs Ines in for the first time, with an account at the end. */
async function join(tab, w) {
  await tab.signIn('Contoso', 'Ines Okafor');
  if (w.asks.length) await tab.ask.answer(w.asks, answers);
  await tab.greeted('Ines Okafor', 'create.new');
}

/** Nobody but those of the past has an account. */
const nobodyNew = async () => assert.deepEqual(await demo.usernames(), ['dana', 'tomas']);

/** What a person does, by its name. Each begins with the past and a policy that asks in one way. */
const situations = {
  'first login': async (tab, w) => {
    await tab.signIn('Contoso', 'Ines Okafor');
    if (w.asks.length) {
      await tab.ask.seen();
      assert.deepEqual(await tab.ask.asked(), w.asks);
      await tab.look(`ask-${w.name}`);
      await nobodyNew();
      await tab.ask.answer(w.asks, answers);
    }
    await tab.greeted('Ines Okafor', 'create.new');
    assert.equal(await tab.claim('preferred_username'), called(w));
    assert.deepEqual(await demo.usernames(), ['dana', called(w), 'tomas'].sort());
  },

  'second login': async (tab, w) => {
    await join(tab, w);
    const sub = await tab.claim('sub');
    await tab.signOut();
    await tab.signIn('Contoso', 'Ines Okafor'); // P014: nothing is asked again
    await tab.greeted('Ines Okafor', 'update.unchanged');
    assert.equal(await tab.claim('sub'), sub);
    await tab.look(`second-${w.name}`);
  },

  abandon: async (tab, w) => {
    if (!w.asks.length) { // there is no page of ours to leave
      await tab.begin('Contoso');
      await tab.home();
      return nobodyNew();
    }
    await tab.signIn('Contoso', 'Ines Okafor');
    await tab.ask.seen();
    await tab.home();
    await nobodyNew();
    await tab.signIn('Contoso', 'Ines Okafor'); // and everything is asked from the beginning
    await tab.ask.seen();
    await tab.look(`abandon-${w.name}`);
    await nobodyNew();
  },

  decline: async (tab, w) => {
    await tab.begin('Contoso');
    if (!w.asks.length) {
      await tab.page.getByRole('button', { name: /Cancel/ }).click();
      await tab.refused('upstream.error');
    } else {
      await tab.pick('Ines Okafor');
      await tab.ask.decline();
      await tab.refused('prompt.declined');
    }
    await tab.look(`decline-${w.name}`);
    await nobodyNew();
    await tab.returnToApplication();
  },

  'back button': async (tab, w) => {
    await join(tab, w);
    await tab.page.goBack();
    if (!w.asks.length) {
      await tab.pick('Ines Okafor'); // in the page of the sign-in that is over
    } else if (await tab.ask.isThere()) {
      await tab.ask.answer(w.asks, answers);
    }
    await tab.over();
    await tab.look(`back-${w.name}`);
    assert.deepEqual(await demo.usernames(), ['dana', called(w), 'tomas'].sort());
    await tab.home();
    await tab.greeted('Ines Okafor');
  },

  'two tabs': async (one, w) => {
    const two = await one.another();
    for (const tab of [one, two]) await tab.begin('Contoso');
    for (const tab of w.asks.length ? [one, two] : []) {
      await tab.front();
      await tab.pick('Ines Okafor');
      await tab.ask.seen();
    }
    if (!w.asks.length) await two.pick('Ines Okafor');
    else await two.ask.answer(w.asks, answers);
    await two.greeted('Ines Okafor', 'create.new');
    await one.front();
    if (!w.asks.length) await one.pick('Ines Okafor');
    else await one.ask.answer(w.asks, { ...answers, username: 'ines.again' }); // who has an account by now
    await one.greeted('Ines Okafor', 'update.unchanged');
    assert.equal(await one.claim('sub'), await two.claim('sub'));
    await one.look(`tabs-${w.name}`);
    assert.deepEqual(await demo.usernames(), ['dana', called(w), 'tomas'].sort());
  },

  conflict: async (tab, w) => {
    await demo.policy({ 'contoso-ask': w.way, 'contoso-conflict': 'ask' });
    await tab.signIn('Contoso', 'Tomas Ek');
    const asks = ['username', ...w.asks.filter((what) => what !== 'username')];
    await tab.ask.seen();
    assert.deepEqual(await tab.ask.asked(), asks);
    await tab.look(`conflict-first-${w.name}`);
    await tab.ask.answer(asks, { ...answers, username: 'tomas' });
    assert.match(await tab.ask.problem('username'), /taken/);
    await tab.look(`conflict-${w.name}`);
    await tab.ask.answer(asks, { ...answers, username: 'tomas.ek' });
    await tab.greeted('Tomas Ek', 'create.new');
    assert.equal(await tab.claim('preferred_username'), 'tomas.ek');
  },

  'wrong pattern': async (tab, w) => {
    const wrong = { username: '1nes', password: 'short' };
    const field = w.asks.find((what) => what in wrong);
    if (!field) { // nobody is asked for what does not fit
      await tab.signIn('Contoso', 'Lena Fischer');
      await tab.refused('create.username_invalid');
      return tab.look(`pattern-${w.name}`);
    }
    await tab.signIn('Contoso', 'Ines Okafor');
    await tab.ask.answer(w.asks, { ...answers, [field]: wrong[field] });
    await tab.ask.problem(field);
    await tab.look(`pattern-${w.name}`);
    await nobodyNew();
    await tab.ask.answer(w.asks, answers);
    await tab.greeted('Ines Okafor', 'create.new');
  },
};

for (const [kind, options] of [['', {}], ['without JavaScript', { javaScriptEnabled: false }]]) {
  for (const w of ways) {
    describe(`${w.row} ${w.way} ${kind}`.trim(), () => {
      for (const [situation, steps] of Object.entries(situations)) {
        test(situation, async () => {
          await demo.policy({ 'contoso-ask': w.way });
          await demo.afresh();
          await visit(browser, demo, options, (tab) => steps(tab, { ...w, name: kind ? `${w.way}-nojs` : w.way }));
        });
      }
    });
  }
}

/** A test that begins with the past and with the page that asks for everything. */
function scene(name, options, steps) {
  test(name, async () => {
    await demo.policy({ 'contoso-ask': 'username' });
    await demo.afresh();
    await visit(browser, demo, options, steps);
  });
}

describe('languages', () => {
  const tongues = { es: ['ltr', 'Su cuenta'], ar: ['rtl', 'حسابك'] };
  for (const [language, [direction, title]] of Object.entries(tongues)) {
    for (const [how, options, more] of [
      ['because the application asks for it', { locale: 'en' }, { ui_locales: `${language} en` }],
      ['because the browser asks for it', { locale: language }, {}],
    ]) {
      scene(`${language}, ${how}`, options, async (tab) => {
        await tab.signIn('Contoso', 'Ines Okafor', more);
        await tab.ask.form.waitFor();
        const html = tab.page.locator('html');
        assert.equal(await html.getAttribute('lang'), language);
        assert.equal(await html.getAttribute('dir'), direction);
        await tab.page.getByText(title, { exact: true }).waitFor();
        if (more.ui_locales) await tab.portrait(`usher-ask-${language}`);
        await tab.ask.field('username').fill('1nes');
        await tab.ask.form.locator('button[value=continue]').click();
        await tab.page.getByRole('alert').waitFor(); // in that language, too
        assert.equal(await html.getAttribute('lang'), language);
        await tab.look(`ask-wrong-${language}-${more.ui_locales ? 'app' : 'browser'}`);
        await tab.ask.form.locator('button[value=decline]').click();
        await tab.refused('prompt.declined');
        assert.equal(await html.getAttribute('lang'), language);
        await tab.look(`refused-${language}-${more.ui_locales ? 'app' : 'browser'}`);
      });
    }
  }
});

describe('by keyboard alone', () => {
  scene('through the page that asks for everything', {}, async (tab) => {
    const { page } = tab;
    await tab.signIn('Contoso', 'Ines Okafor');
    await tab.ask.seen();
    const does = {
      username: () => page.keyboard.press('ControlOrMeta+A').then(() => page.keyboard.type('ines.okafor')),
      password: () => page.keyboard.type(goodPassword),
      'consent.account': () => page.keyboard.press('Space'),
      'consent.account.department': () => page.keyboard.press('Space'),
    };
    const met = [];
    while (met.at(-1) !== 'continue' && met.length < 20) {
      await page.keyboard.press('Tab');
      const [name, outline] = await page.evaluate(() => {
        const at = document.activeElement;
        return [at.name === 'do' ? at.value : at.name, getComputedStyle(at).outlineStyle];
      });
      assert.notEqual(outline, 'none', `${name} shows that it has the focus`);
      await does[name]?.();
      met.push(name);
    }
    assert.deepEqual(met, [
      'username', 'password', 'consent.account', 'consent.account.phone', 'consent.account.department', 'consent.newsletter', 'continue',
    ]);
    await page.keyboard.press('Enter');
    await tab.greeted('Ines Okafor', 'create.new');
    assert.equal(await tab.claim('preferred_username'), 'ines.okafor');
    assert.equal(await tab.claim('phone_number'), undefined);
  });

  scene('what does not fit is told while it is typed', {}, async (tab) => {
    await tab.signIn('Contoso', 'Ines Okafor');
    await tab.ask.seen();
    await tab.ask.field('username').fill('1nes');
    await tab.page.keyboard.press('Tab');
    await tab.page.locator('#username-problem').getByText('Three to thirty small letters').waitFor();
    await tab.page.keyboard.press('Shift+Tab');
    await tab.page.keyboard.type('ines');
    await tab.page.keyboard.press('Tab');
    await tab.page.locator('#username-problem').waitFor({ state: 'hidden' });
  });
});
