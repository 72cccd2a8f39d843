// What becomes of an account after it is made: linked, looked for, signed in to
// with a password of its own, brought up to date.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { launch } from '../lib/chromium.js';
import { startDemo } from '../lib/demo.js';
import { goodPassword, visit } from '../lib/pages.js';

let browser, demo;

before(async () => {
  demo = await startDemo('account');
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await demo?.stop();
});

/** A test that begins with the past and a policy. */
function scene(name, policy, steps, options = {}) {
  test(name, async () => {
    await demo.policy(policy);
    await demo.afresh();
    await visit(browser, demo, options, steps);
  });
}

const noJS = { javaScriptEnabled: false };

/** The sub of Tomas, who has an account by Contoso. */
async function subOfTomas(tab) {
  await tab.signIn('Contoso', 'Tomas Berg');
  await tab.greeted('Tomas Berg');
  const sub = await tab.claim('sub');
  await tab.signOut();
  return sub;
}

/** Sets a password with a code that an operator has issued. */
async function setPassword(tab, who, look = () => {}) {
  await tab.page.goto(await demo.resetLink(who));
  await look();
  await tab.local.renew(goodPassword);
}

describe('linking by a verified address', () => {
  scene('P053 no rule: the address belongs to an account', {}, async (tab) => {
    await tab.signIn('Partner', 'Tomas Berg');
    await tab.refused('create.attribute_taken');
    await tab.look('link-none');
  });

  scene('never', { 'partner-link': 'never' }, async (tab) => {
    await tab.signIn('Partner', 'Tomas Berg');
    await tab.refused('match.never');
  });

  scene('auto', { 'partner-link': 'auto' }, async (tab) => {
    const sub = await subOfTomas(tab);
    await tab.signIn('Partner', 'Tomas Berg');
    await tab.greeted('Tomas Berg', 'link.matched');
    assert.equal(await tab.claim('sub'), sub);
    await tab.look('link-auto');
    await tab.signOut();
    await tab.signIn('Partner', 'Tomas Berg');
    await tab.greeted('Tomas Berg', 'update.unchanged');
  });

  for (const [kind, options] of [['', {}], [' without JavaScript', noJS]]) {
    scene(`confirm by signing in at Contoso${kind}`, { 'partner-link': 'confirm' }, async (tab) => {
      const sub = await subOfTomas(tab);
      await tab.signIn('Partner', 'Tomas Berg');
      await tab.prove.seen();
      if (!kind) await tab.portrait('usher-prove');
      await tab.prove.by('Contoso');
      await tab.pick('Tomas Berg');
      await tab.prove.proven();
      if (!kind) await tab.portrait('usher-proven');
      await tab.prove.connect();
      await tab.greeted('Tomas Berg', 'link.proven');
      assert.equal(await tab.claim('sub'), sub);
      await tab.signOut();
      await tab.signIn('Partner', 'Tomas Berg');
      await tab.greeted('Tomas Berg');
      assert.equal(await tab.claim('sub'), sub);
    }, options);

    scene(`confirm by the password${kind}`, { 'partner-link': 'confirm' }, async (tab) => {
      const sub = await subOfTomas(tab);
      await setPassword(tab, 'tomas');
      await tab.signIn('Partner', 'Tomas Berg');
      await tab.prove.seen();
      if (!kind) await tab.portrait('usher-prove-password');
      await tab.prove.password('not the password');
      await tab.prove.problem();
      await tab.look(`prove-wrong${kind ? '-nojs' : ''}`);
      await tab.prove.password(goodPassword);
      await tab.greeted('Tomas Berg', 'link.proven');
      assert.equal(await tab.claim('sub'), sub);
    }, options);
  }

  scene('somebody else proves nothing', { 'partner-link': 'confirm' }, async (tab) => {
    await tab.signIn('Partner', 'Tomas Berg');
    await tab.prove.by('Contoso');
    await tab.pick('Ines Okafor');
    await tab.prove.problem();
    await tab.prove.seen();
    await tab.look('prove-other');
    assert.deepEqual(await demo.usernames(), ['dana', 'tomas']);
  });

  for (const [kind, options] of [['', {}], [' without JavaScript', noJS]]) {
    scene(`"this is me" in a conflict of names${kind}`, { 'contoso-conflict': 'ask' }, async (tab) => {
      const sub = await subOfTomas(tab);
      await setPassword(tab, 'tomas');
      await tab.signIn('Contoso', 'Tomas Ek');
      await tab.ask.seen();
      if (!kind) await tab.portrait('usher-conflict');
      await tab.ask.claimAccount();
      await tab.prove.seen();
      await tab.look(`this-is-me${kind ? '-nojs' : ''}`);
      await tab.prove.password(goodPassword);
      await tab.greeted('Tomas Ek', 'link.proven');
      assert.equal(await tab.claim('sub'), sub);
    }, options);
  }
});

describe('local sign-in', () => {
  for (const [kind, options] of [['', {}], [' without JavaScript', noJS]]) {
    scene(`P011 a password set at the first sign-in works afterwards${kind}`, { 'contoso-ask': 'password' }, async (tab) => {
      await tab.signIn('Contoso', 'Ines Okafor');
      await tab.ask.answer(['password', 'consent'], { password: goodPassword, consent: true });
      await tab.greeted('Ines Okafor', 'create.new');
      const sub = await tab.claim('sub');
      await tab.signOut();
      await tab.home();
      await tab.page.getByRole('link', { name: 'Sign in with a username and password' }).click();
      await tab.local.seen();
      if (!kind) await tab.portrait('usher-local');
      await tab.local.signIn('ines', 'not the password');
      await tab.local.problem();
      if (!kind) await tab.portrait('usher-local-wrong');
      await tab.local.signIn('Ines', goodPassword);
      await tab.greeted('Ines Okafor', 'local.signed_in');
      assert.equal(await tab.claim('sub'), sub);
    }, options);

    scene(`a forgotten password is set anew with an operator's code${kind}`, {}, async (tab) => {
      await setPassword(tab, 'tomas', kind ? undefined : () => tab.portrait('usher-new-password'));
      await tab.look(`new-password-set${kind ? '-nojs' : ''}`);
      await tab.begin('local');
      await tab.local.signIn('tomas', goodPassword);
      await tab.greeted('Tomas Berg', 'local.signed_in');
    }, options);
  }

  scene('a code counts once', {}, async (tab) => {
    const link = await demo.resetLink('tomas');
    await tab.page.goto(link);
    await tab.local.renew(goodPassword);
    await tab.page.goto(link);
    await tab.refused('local.code_unknown');
    await tab.look('code-used');
  });

  scene('a password that does not fit is not set', {}, async (tab) => {
    await tab.page.goto(await demo.resetLink('tomas'));
    await tab.page.getByLabel('New password').fill('short');
    await tab.page.getByRole('button', { name: 'Set the password' }).click();
    await tab.page.getByRole('alert').waitFor();
    await tab.look('new-password-short');
  });
});

describe('what is asked, kept and brought up to date', () => {
  scene('P078 an attribute that is required and missing is asked once', { 'partner-phone': 'required' }, async (tab) => {
    await tab.signIn('Partner', 'Ines Moreau');
    await tab.greeted('Ines Moreau', 'create.new'); // Partner knows hers
    await tab.signOut();
    await tab.signIn('Partner', 'Jun Sato');
    await tab.ask.seen();
    assert.deepEqual(await tab.ask.asked(), ['phone']);
    await tab.portrait('usher-ask-phone');
    await tab.ask.answer(['phone'], { phone: '+442079460123' });
    await tab.greeted('Jun Sato', 'create.new');
    assert.equal(await tab.claim('phone_number'), '+442079460123');
    await tab.signOut();
    await tab.signIn('Partner', 'Jun Sato');
    await tab.greeted('Jun Sato', 'update.unchanged');
    assert.equal(await tab.claim('phone_number'), '+442079460123');
  });

  scene('P076 an optional attribute that is refused is not kept', { 'contoso-ask': 'consent' }, async (tab) => {
    await tab.signIn('Contoso', 'Ines Okafor');
    await tab.ask.answer(['consent'], { consent: true, without: ['phone'] });
    await tab.greeted('Ines Okafor', 'create.new');
    assert.equal(await tab.claim('phone_number'), undefined);
    await tab.signOut();
    await tab.signIn('Contoso', 'Ines Okafor');
    await tab.greeted('Ines Okafor');
    assert.equal(await tab.claim('phone_number'), undefined);
  });

  const [one, two] = ['+442079460101', '+442079460102'];
  for (const [row, mode, phones] of [['P031', 'override', [one, two, undefined]], ['P032', 'preserve', [one, two, two]], ['P033', 'none', [one, one, one]]]) {
    scene(`${row} sync: ${mode}`, { 'contoso-sync': mode }, async (tab) => {
      const seen = [];
      for (let n = 0; n < 3; n++) { // what Contoso says of Mei repeats after three sign-ins
        await tab.signIn('Contoso', 'Mei Lindqvist');
        await tab.greeted('Mei Lindqvist');
        seen.push(await tab.claim('phone_number'));
        await tab.signOut();
      }
      assert.deepEqual(seen, phones);
    });
  }
});

describe('where accounts are made', () => {
  scene('P003 in CORP', { 'contoso-store': 'corp' }, async (tab) => {
    await tab.signIn('Contoso', 'Ines Okafor');
    await tab.greeted('Ines Okafor', 'create.new');
    assert.deepEqual(await demo.usernames('CORP'), ['ines']);
    assert.deepEqual(await demo.usernames(), ['dana', 'tomas']);
  });

  scene('P005 as in the username', { 'contoso-store': 'username' }, async (tab) => {
    for (const person of ['Lena Fischer', 'Ines Okafor']) {
      await tab.signIn('Contoso', person);
      await tab.greeted(person, 'create.new');
      await tab.signOut();
    }
    assert.deepEqual(await demo.usernames('CORP'), ['lena']);
    assert.deepEqual(await demo.usernames(), ['dana', 'ines', 'tomas']);
  });

  scene('P001 nowhere', { 'contoso-store': 'nowhere' }, async (tab) => {
    await tab.signIn('Contoso', 'Ines Okafor');
    await tab.greeted('Ines Okafor', 'pass.jit_off');
    assert.deepEqual(await demo.usernames(), ['dana', 'tomas']);
    await tab.signOut();
    await tab.signIn('Contoso', 'Tomas Berg');
    await tab.greeted('Tomas Berg', 'update.unchanged');
  });

  scene('a taken name gets a number', { 'contoso-conflict': 'suffix' }, async (tab) => {
    await tab.signIn('Contoso', 'Tomas Ek');
    await tab.greeted('Tomas Ek', 'create.new');
    assert.equal(await tab.claim('preferred_username'), 'tomas2');
  });

  scene('a taken name is refused', {}, async (tab) => {
    await tab.signIn('Contoso', 'Tomas Ek');
    await tab.refused('create.username_taken');
  });
});

describe('the options of the demo', () => {
  scene('switch the policy, and begin afresh', {}, async (tab) => {
    const { page } = tab;
    await tab.signIn('Contoso', 'Ines Okafor');
    await tab.greeted('Ines Okafor', 'create.new');
    await page.getByRole('link', { name: 'Policy' }).click();
    await tab.portrait('app-options');
    await page.getByRole('radio', { name: 'Consent', exact: true }).check();
    await page.getByRole('button', { name: 'Use this policy' }).click();
    await page.getByRole('status').waitFor();
    await tab.portrait('app-options-switched');
    await page.getByRole('button', { name: 'Delete the accounts' }).click();
    await page.getByText('Every account is gone').waitFor();
    assert.ok(await page.getByRole('radio', { name: 'Consent', exact: true }).isChecked(), 'the policy stays');
    assert.deepEqual(await demo.usernames(), ['dana', 'tomas']);
    await tab.home();
    await page.getByRole('link', { name: 'Sign in with Contoso' }).click();
    await tab.pick('Ines Okafor');
    await tab.ask.seen();
  });
});
