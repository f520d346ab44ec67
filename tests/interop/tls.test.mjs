// The official client over https and wss, in Node and in headless Chromium, which speaks HTTP/2 there.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { client, openSuite, programs, startBrowser, startServer, startServerWith, ways } from "./support.mjs";
import { failure } from "./suite/check.mjs";

const limit = { timeout: 60_000 };
const overTls = fileURLToPath(new URL("suite/over_tls.mjs", import.meta.url));
/** Small and large, both ways, many at once, and some that end early. */
const some = [
  "every shape comes back as it went",
  "methods return values, or nothing, at once or later",
  "a thousand sends of one tick arrive in order",
  "ten thousand numbers reach the caller in order, before the answer",
  "many calls at once each get their own answer",
  "a cancelled stream is dropped, and sends nothing more",
  "streams and calls of one connection run side by side",
  "several calls upload at once",
  "another client is asked, by a call and from outside",
];
const roads = [
  { way: "negotiated", encoding: "json", transport: "WebSockets" },
  { way: "skipped", encoding: "messagepack", transport: "WebSockets" },
  { way: "events", encoding: "json", transport: "ServerSentEvents" },
  { way: "polls", encoding: "messagepack", transport: "LongPolling" },
];

let folder;
let certificate;
let server;
let browser;
before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "signalr-tls-"));
  certificate = path.join(folder, "certificate.pem");
  server = await startServerWith({ INTEROP_TLS: certificate }, programs.interop);
  browser = await startBrowser("--ignore-certificate-errors");
}, limit);
after(async () => {
  await browser?.close();
  await server?.kill();
  if (folder) await rm(folder, { recursive: true });
}, limit);

describe("Node", () => {
  for (const { way, encoding, transport } of roads) {
    test(`calls over TLS in ${encoding}, ${way}`, limit, async () => {
      const env = { ...process.env, NODE_EXTRA_CA_CERTS: certificate };
      const { stdout } = await promisify(execFile)(process.execPath, [overTls, server.url, encoding, way, ...some], { env });
      assert.deepEqual(JSON.parse(stdout), { http: "HTTP/1.1", transport, cases: some.length });
    });
  }

  test("a certificate that nobody vouches for is refused by the client", limit, async () => {
    for (const way of ["negotiated", "skipped"]) {
      assert.notEqual(await failure(client(`${server.url}/hub`, { options: ways[way] }).start()), undefined);
    }
  });
});

describe("Chromium", () => {
  let page;
  let runCase;
  before(async () => ({ page, runCase } = await openSuite(browser, server.url)), limit);

  for (const { way, encoding, transport } of roads) {
    describe(`over TLS in ${encoding}, ${way}`, () => {
      for (const name of some) test(name, limit, () => runCase(name, encoding, way));

      test("the hub sees HTTP/2, also below WebSockets", limit, async () => {
        const options = ways[way];
        const seen = await page.evaluate(async (options) => {
          const connection = new signalR.HubConnectionBuilder().withUrl("/hub", options).configureLogging("none").build();
          await connection.start();
          const seen = await connection.invoke("whoAmI");
          await connection.stop();
          return seen;
        }, options);
        assert.deepEqual({ http: seen.http, transport: seen.transport }, { http: "HTTP/2.0", transport });
      });
    });
  }

  test("all requests of the page have used HTTP/2", limit, async () => {
    const used = await page.evaluate(() => {
      const entries = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")];
      // What the page has given up has no answer, and the browser forgets how it was asked for.
      const answered = entries.filter(({ name, responseStatus }) => responseStatus > 0 && !name.includes("/suite/"));
      return answered.map(({ nextHopProtocol }) => nextHopProtocol);
    });
    assert.ok(used.length > 5, `${used}`);
    assert.deepEqual([...new Set(used)], ["h2"]);
  });
});

test("the example serves its page over TLS", limit, async (t) => {
  const example = await startServer(programs.tls, "127.0.0.1:0");
  t.after(() => example.kill());
  assert.match(example.url, /^https:/);
  const page = await browser.newPage();
  await page.goto(example.url);
  assert.equal(await page.textContent("p"), "This page came over HTTP/2.0.");
});
