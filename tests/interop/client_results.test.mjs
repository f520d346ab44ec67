// The server asks the user at the browser: yes, no, nobody there, and too late.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { client, fits, openPage, phone, programs, screenshot, startBrowser, startServer } from "./support.mjs";

const limit = { timeout: 60_000 };

let browser;
let server;
before(async () => {
  browser = await startBrowser();
  server = await startServer(programs.clientResults, "127.0.0.1:0");
}, limit);
after(async () => {
  await browser?.close();
  await server?.kill();
}, limit);

const open = (t, options, url = server.url) => openPage(t, browser, url, options);
const question = (page) => page.getByRole("dialog");

/** Sends money, and waits for the server's question about it. */
async function send(page, amount, to) {
  await page.getByLabel("Amount").fill(String(amount));
  await page.getByLabel("To", { exact: true }).fill(to);
  await page.getByRole("button", { name: "Send" }).click();
}

async function asked(page, amount, to) {
  await send(page, amount, to);
  await question(page).getByRole("heading", { name: `Really send ${amount} to ${to}?`, exact: true }).waitFor();
}

const answer = (page, word) => question(page).getByRole("button", { name: word, exact: true }).click();
const latest = (page, text) => page.getByRole("log").getByRole("listitem").first().filter({ hasText: text }).waitFor();
const balance = (page, amount) => page.getByText(`You have ${amount}`, { exact: true }).waitFor();

test("yes moves the money, no leaves it", limit, async (t) => {
  const page = await open(t);
  await balance(page, 1000);
  await asked(page, 100, "Ann");
  await answer(page, "Yes");
  await latest(page, "100 to AnnSent");
  await balance(page, 900);

  await asked(page, 200, "<b>Ben</b>");
  await answer(page, "No");
  await latest(page, "200 to <b>Ben</b>you said no");
  await asked(page, 300, "Cat");
  await page.keyboard.press("Escape");
  await latest(page, "300 to Catyou said no");
  await balance(page, 900);

  await asked(page, 901, "Ann");
  await answer(page, "Yes");
  await latest(page, "901 to Annyou have only 900");
  assert.equal(await question(page).isVisible(), false);
});

test("a page without a handler cannot be asked, and one that has it again can", limit, async (t) => {
  const page = await open(t);
  await page.getByLabel("This page answers questions").uncheck();
  await send(page, 100, "Ann");
  await latest(page, "100 to Annnobody there to be asked");
  assert.equal(await question(page).isVisible(), false);

  await page.getByLabel("This page answers questions").check();
  await asked(page, 100, "Ann");
  await answer(page, "Yes");
  await latest(page, "100 to AnnSent");
  await balance(page, 900);
});

test("who does not answer in time has not said yes", limit, async (t) => {
  const hasty = await startServer(programs.clientResults, "127.0.0.1:0", "1");
  t.after(() => hasty.kill());
  const page = await open(t, {}, hasty.url);
  await asked(page, 100, "Ann");
  await latest(page, "100 to Annthere was no answer in time");
  await question(page).waitFor({ state: "hidden" });
  await asked(page, 100, "Ann");
  await answer(page, "Yes");
  await latest(page, "100 to AnnSent");
  await balance(page, 900);
});

test("only a yes or a no is an answer", limit, async (t) => {
  const connection = client(`${server.url}/bank`);
  t.after(() => connection.stop());
  await connection.start();
  const failure = (answer) => {
    connection.off("confirm");
    connection.on("confirm", answer);
    return connection.invoke("transfer", 1, "Ann").then(assert.fail, (error) => error.message);
  };
  assert.match(await failure(() => "perhaps"), /HubException: no proper answer: Error trying to deserialize result to bool\./);
  assert.match(await failure(() => { throw new Error("out of order"); }), /HubException: no proper answer: Error: out of order$/);
  assert.equal(await connection.invoke("balance"), 1000);
});

test("the page fits a phone and a desktop, by day and by night", limit, async (t) => {
  const desktop = await open(t);
  const small = await open(t, { viewport: phone, colorScheme: "dark", deviceScaleFactor: 2 });
  for (const [page, name] of [[desktop, "desktop"], [small, "phone"]]) {
    await asked(page, 100, "Ann");
    await answer(page, "Yes");
    await asked(page, 50, "Somebody with a long nam");
    await answer(page, "No");
    await page.getByLabel("This page answers questions").uncheck();
    await send(page, 20, "Ben");
    await latest(page, "nobody there to be asked");
    await fits(page);
    await screenshot(page, `client-results-${name}`);
    await page.getByLabel("This page answers questions").check();
    await asked(page, 100, "Ann");
    await fits(page);
    await screenshot(page, `client-results-question-${name}`);
    await answer(page, "No");
  }
});
