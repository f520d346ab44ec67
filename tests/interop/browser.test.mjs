// The official client in headless Chromium, from the scripts that pages load: the common suite once more.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { openSuite, programs, startBrowser, startServer, surroundings } from "./support.mjs";
import { offered } from "./suite/encodings.mjs";
import { cases, lasting } from "./suite/index.mjs";

const limit = { timeout: 30_000 };
let server;
let browser;
let page;
let run;
before(async () => {
  [server, browser] = await Promise.all([startServer(programs.interop), startBrowser()]);
  ({ page, runCase: run } = await openSuite(browser, server.url));
}, limit);
after(async () => {
  await browser?.close();
  await server?.kill();
}, limit);

for (const encoding of offered) {
  for (const way of ["negotiated", "skipped", "events", "polls"]) {
    // Events are texts.
    if (way === "events" && encoding !== "json") continue;
    describe(`the suite on a page in ${encoding}, ${way}`, () => {
      for (const name of cases.keys()) test(name, limit, () => run(name, encoding, way));
      for (const name of lasting.keys()) {
        test(name, limit, async (t) => {
          const { url, outside } = await surroundings(t);
          const own = await openSuite(browser, url, outside);
          t.after(() => own.page.close());
          await own.runCase(name, encoding, way);
        });
      }
    });
  }

  test(`messages in ${encoding} are of its own kind in both directions`, limit, async () => {
    const kinds = { sent: new Set(), received: new Set() };
    const note = (set) => ({ payload }) => set.add(typeof payload === "string" ? "text" : "binary");
    page.once("websocket", (socket) => {
      socket.on("framesent", note(kinds.sent));
      socket.on("framereceived", note(kinds.received));
    });
    await run("methods return values, or nothing, at once or later", encoding, "negotiated");
    const expected = {
      json: { sent: ["text"], received: ["text"] },
      // The request that opens a connection is a text in either encoding.
      messagepack: { sent: ["text", "binary"], received: ["binary"] },
    };
    assert.deepEqual({ sent: [...kinds.sent], received: [...kinds.received] }, expected[encoding]);
  });
}
