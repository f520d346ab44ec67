// The streaming example as people use it: prices that tick and stop, a file with a progress bar, in each protocol.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, describe, test } from "node:test";

import { JsonHubProtocol, Subject } from "@microsoft/signalr";
import { MessagePackHubProtocol } from "@microsoft/signalr-protocol-msgpack";

import { badge, client, fits, openPage, phone, programs, screenshot, startBrowser, startServer } from "./support.mjs";

const limit = { timeout: 60_000 };
const parsers = { json: new JsonHubProtocol(), messagepack: new MessagePackHubProtocol() };
const protocols = Object.keys(parsers);

let browser;
let server;
before(async () => {
  browser = await startBrowser();
  server = await startServer(programs.streaming, "127.0.0.1:0");
}, limit);
after(async () => {
  await browser?.close();
  await server?.kill();
}, limit);

const open = (t, protocol, options) => openPage(t, browser, `${server.url}?protocol=${protocol}`, options);
const row = (page, symbol) => page.getByRole("listitem").filter({ has: page.getByText(symbol, { exact: true }) });
const price = (page, symbol) => row(page, symbol).locator(".price");

/** Waits until a price has moved so many times. */
async function moves(page, symbol, times) {
  for (let i = 0; i < times; i++) {
    const before = await price(page, symbol).textContent();
    await page.waitForFunction(
      ([price, before]) => price.textContent !== before,
      [await price(page, symbol).elementHandle(), before],
    );
  }
}

const watching = (page, symbol, count) => row(page, symbol).getByText(`${count} watching`, { exact: true }).waitFor();

/** Puts a file into the form and sends it. */
async function upload(page, name, buffer) {
  await page.getByLabel("A file of up to 100 MB").setInputFiles({ name, mimeType: "application/octet-stream", buffer });
  await page.getByRole("button", { name: "Upload" }).click();
}

const outcome = (page) => page.getByRole("status").filter({ hasText: "have arrived" });
const failure = (page, why) => page.getByRole("alert").filter({ hasText: why }).waitFor();

function fnv1a(bytes) {
  let hash = 0x811c9dc5;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  return (hash >>> 0).toString(16).padStart(8, "0");
}

/** Every value that the progress bar takes from now on. */
async function progress(page) {
  await page.evaluate(() => {
    globalThis.progressSeen = [];
    const bar = document.getElementById("progress");
    new MutationObserver(() => progressSeen.push(bar.value)).observe(bar, { attributeFilter: ["value"] });
  });
  return () => page.evaluate(() => progressSeen);
}

for (const protocol of protocols) {
  describe(`in ${protocol}`, () => {
    test("prices move, stop when they are cancelled, and move again", limit, async (t) => {
      const ann = await open(t, protocol);
      await watching(ann, "CRAB", 1);
      const ben = await open(t, protocol);
      for (const page of [ann, ben]) await watching(page, "CRAB", 2);
      for (const symbol of ["CRAB", "OAK", "RUST", "TEA"]) await moves(ann, symbol, 2);

      await row(ann, "CRAB").getByRole("button", { name: "Stop" }).click();
      await watching(ben, "CRAB", 1);
      const stopped = await price(ann, "CRAB").textContent();
      await Promise.all([moves(ben, "CRAB", 5), moves(ann, "TEA", 5)]);
      assert.equal(await price(ann, "CRAB").textContent(), stopped);

      await row(ann, "CRAB").getByRole("button", { name: "Watch" }).click();
      await moves(ann, "CRAB", 2);
      await watching(ben, "CRAB", 2);
      await ann.context().close();
      await watching(ben, "CRAB", 1);
    });

    test("a file arrives whole, and the bar shows how far it is", limit, async (t) => {
      const page = await open(t, protocol);
      const bytes = randomBytes(1_500_000);
      const seen = await progress(page);
      await upload(page, "tea.bin", bytes);
      await moves(page, "TEA", 2);
      await outcome(page).getByText(`All 1,500,000 bytes have arrived, and are the same there: ${fnv1a(bytes)}`).waitFor();

      const values = await seen();
      assert.ok(values.length > 50, `${values.length} steps`);
      assert.deepEqual(values, [...values].sort((a, b) => a - b));
      assert.equal(values.at(-1), 1);
      await page.getByText("1.5 MB of 1.5 MB").waitFor();

      await upload(page, "nothing", Buffer.alloc(0));
      await outcome(page).getByText("All 0 bytes have arrived").waitFor();
    });

    test("no more than eight chunks are ever on the way", limit, async (t) => {
      const page = await open(t, "none");
      let sent = 0;
      let taken = 0;
      let most = 0;
      let handshake;
      const count = (payload, act) => {
        const parsed = parsers[protocol].parseMessages(typeof payload === "string" ? payload : new Uint8Array(payload).buffer, { log() {} });
        for (const message of parsed) if (message.type === 2) act(message.item);
      };
      page.on("websocket", (socket) => {
        socket.on("framesent", ({ payload }) => {
          handshake ??= String(payload);
          if (String(payload) === handshake) return;
          count(payload, () => sent++);
          most = Math.max(most, sent - taken);
        });
        // The handshake's answer has no type, in neither protocol.
        socket.on("framereceived", ({ payload }) => String(payload).startsWith("{}") || count(payload, (item) => (taken += item.bytes ? 1 : 0)));
      });
      await page.goto(`${server.url}?protocol=${protocol}`);
      await badge(page, "Connected");
      assert.equal(handshake, `{"protocol":"${protocol}","version":1}\u001e`);

      await page.getByRole("button", { name: "Try 4 MB of noise" }).click();
      await outcome(page).getByText("All 4,000,000 bytes").waitFor();
      assert.equal(sent, Math.ceil(4_000_000 / 16_384));
      assert.equal(taken, sent);
      assert.ok(most <= 8 && most > 1, `${most} on the way`);
    });

    test("a cancelled upload ends at once, and the next one begins afresh", limit, async (t) => {
      const page = await open(t, protocol);
      await page.getByRole("button", { name: "Try 4 MB of noise" }).click();
      await page.getByText(/^[1-3]\.\d MB of 4\.0 MB/).waitFor();
      await page.getByRole("button", { name: "Cancel" }).click();
      await failure(page, "noise: cancelled");
      await moves(page, "TEA", 2);
      const bytes = randomBytes(20_000);
      await upload(page, "tea.bin", bytes);
      await outcome(page).getByText(`All 20,000 bytes have arrived, and are the same there: ${fnv1a(bytes)}`).waitFor();
    });

    test("streams end with their server, and prices come back by themselves", limit, async (t) => {
      const page = await open(t, protocol);
      await moves(page, "OAK", 1);
      await row(page, "RUST").getByRole("button", { name: "Stop" }).click();
      await page.getByRole("button", { name: "Try 4 MB of noise" }).click();
      await page.getByText(/^[1-3]\.\d MB of 4\.0 MB/).waitFor();
      await server.kill();
      await failure(page, "noise: ");
      await badge(page, "Reconnecting");
      const stopped = await price(page, "RUST").textContent();

      server = await startServer(programs.streaming, `127.0.0.1:${server.port}`);
      await badge(page, "Connected");
      await moves(page, "OAK", 3);
      assert.equal(await price(page, "RUST").textContent(), stopped);
      await upload(page, "small", Buffer.from("tea"));
      await outcome(page).getByText("All 3 bytes").waitFor();
    });
  });
}

test("the switch changes the protocol on the spot", limit, async (t) => {
  const page = await open(t, "json");
  for (const protocol of [...protocols, "json"]) {
    await page.locator(`[name=protocol][value=${protocol}]`).check();
    await badge(page, "Connected");
    await moves(page, "OAK", 2);
    await watching(page, "OAK", 1);
  }
});

test("what makes no sense is refused, with a reason", limit, async (t) => {
  const connection = client(`${server.url}/hub`);
  t.after(() => connection.stop());
  await connection.start();
  const failure = (method, ...args) => new Promise((resolve, reject) =>
    connection.stream(method, ...args).subscribe({ next: () => {}, complete: reject, error: (error) => resolve(error.message) }));
  assert.match(await failure("prices", "GOLD"), /HubException: there is no such symbol$/);
  const chunks = new Subject();
  const refused = failure("upload", chunks);
  chunks.next("not base64!");
  assert.equal(await refused, "An error occurred on the server while streaming results.");
});

test("the page fits a phone and a desktop, by day and by night", limit, async (t) => {
  const desktop = await open(t, protocols.at(-1));
  const small = await open(t, "json", { viewport: phone, colorScheme: "dark", deviceScaleFactor: 2 });
  for (const [page, name] of [[desktop, "desktop"], [small, "phone"]]) {
    await row(page, "CRAB").getByRole("button", { name: "Stop" }).click();
    await page.waitForFunction(() => document.querySelector("[data-symbol=TEA] polyline").points.numberOfItems > 25);
    await page.getByRole("button", { name: "Try 4 MB of noise" }).click();
    await page.getByText(/^[2-3]\.\d MB of 4\.0 MB/).waitFor();
    await fits(page);
    await screenshot(page, `streaming-${name}`);
  }
});
