// The browser: Debian's Chromium by Playwright.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const shots = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../shots');
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Starts Chromium. */
export function launch() {
  mkdirSync(shots, { recursive: true });
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: [
      '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync',
    ],
  });
}

/**
 * A new person at a new browser. Whatever the pages complain of, such as a
 * breach of their content security policy, is in complaints.
 */
export async function visitor(browser, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, reducedMotion: 'reduce', ...options });
  context.setDefaultTimeout(15_000);
  const complaints = [];
  context.on('console', (message) => {
    // The status of a refusal page is told on the console too; that is no complaint.
    if (message.type() === 'error' && !/the server responded with a status of 4\d\d/.test(message.text())) complaints.push(message.text());
  });
  context.on('weberror', (error) => complaints.push(String(error.error())));
  return { context, complaints, page: await context.newPage() };
}

/** Looks at the page in light and dark, wide and at 360 pixels; the width must not overflow. */
export async function shoot(page, name) {
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme });
    for (const width of [1280, 360]) {
      await page.setViewportSize({ width, height: width === 360 ? 740 : 900 });
      await page.screenshot({ path: path.join(shots, `${name}-${colorScheme}-${width}.png`), fullPage: true });
      const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.ok(over <= 0, `${name} is ${over} pixels too wide at ${width}`);
    }
  }
  await page.setViewportSize({ width: 1280, height: 900 });
}

/** Takes one picture of the page as it is. */
export function glance(page, name) {
  return page.screenshot({ path: path.join(shots, `${name}.png`), fullPage: true });
}

/** Runs axe on the page, in light and dark, and wants no violation. */
export async function accessible(page, name, schemes = ['light', 'dark']) {
  for (const colorScheme of schemes) {
    await page.emulateMedia({ colorScheme });
    await page.evaluate(axe); // not as a script element, which the pages' policy forbids
    const { violations } = await page.evaluate(() => globalThis.axe.run(document));
    assert.deepEqual(
      violations.map((v) => `${v.id}: ${v.help} (${v.nodes.map((n) => n.target.join(' ')).join(', ')})`), [],
      `${name} in ${colorScheme}`);
  }
  await page.emulateMedia({ colorScheme: 'light' });
}
