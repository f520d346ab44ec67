// Tokens of the official client: in headers where it can, in the query where a browser cannot.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";

import { client, programs, startBrowser, startServer, ways } from "./support.mjs";

const limit = { timeout: 30_000 };
let server;
before(async () => {
  server = await startServer(programs.interop);
}, limit);
after(() => server?.kill(), limit);

for (const way of ["negotiated", "skipped", "events", "polls"]) {
  test(`${way}: a token names the user`, limit, async (t) => {
    const options = { ...ways[way], accessTokenFactory: () => "ann &+%" };
    const connection = client(`${server.url}/members`, { options });
    t.after(() => connection.stop());
    await connection.start();
    assert.equal((await connection.invoke("whoAmI")).userId, "ann &+%");
  });

  test(`${way}: without a token nobody gets in`, limit, async () => {
    const connection = client(`${server.url}/members`, { options: ways[way] });
    await assert.rejects(connection.start(), /401|Unauthorized|could not be found/);
  });
}

test("a page sends its token with every transport", limit, async (t) => {
  const browser = await startBrowser();
  t.after(() => browser.close());
  const page = await browser.newPage();
  await page.goto(server.url);
  await page.addScriptTag({ content: await readFile(new URL("node_modules/@microsoft/signalr/dist/browser/signalr.js", import.meta.url), "utf8") });
  const users = await page.evaluate(async () => {
    const { HubConnectionBuilder, HttpTransportType, LogLevel } = window.signalR;
    const users = [];
    for (const transport of [HttpTransportType.WebSockets, HttpTransportType.ServerSentEvents, HttpTransportType.LongPolling]) {
      const connection = new HubConnectionBuilder()
        .withUrl("/members", { transport, accessTokenFactory: () => `user ${transport}` })
        .configureLogging(LogLevel.None)
        .build();
      await connection.start();
      users.push((await connection.invoke("whoAmI")).userId);
      await connection.stop();
    }
    return users;
  });
  assert.deepEqual(users, ["user 1", "user 2", "user 4"]);
});
