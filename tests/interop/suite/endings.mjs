// What lasts, or ends and comes back. These cases have a server and a network of their own, to which things happen: `outside(deed)`.

import { same } from "./check.mjs";

/** Enough quick retries to outlast a restart. */
const retries = Array(200).fill(25);

const transportOf = async (connection) => (await connection.invoke("whoAmI")).transport;

export function endings(test) {
  test("messages of 40 KB pass where the limit is raised, and larger ones than that end the connection", async ({ open }) => {
    const connection = await open("large", { retries });
    for (const size of [40_000, 200_000]) {
      const text = "x".repeat(size);
      same(await connection.invoke("echoString", text), text);
    }
    connection.send("echoString", "x".repeat(300_000)).catch(() => {});
    await connection.reconnecting.next("the break");
    await connection.reconnected.next("the return");
    same(await connection.invoke("add", 1, 2), 3);
  });

  test("the hub closes with a reason, and the client comes back if it may", async ({ open }) => {
    const final = await open("hub", { retries });
    final.send("closeMe", "tea is over", false).catch(() => {});
    same((await final.closed.next("the end")).message, "Server returned an error on close: tea is over");
    same(final.reconnecting.drain(), []);

    const returning = await open("hub", { retries });
    const [id, transport] = [returning.connectionId, await transportOf(returning)];
    returning.send("closeMe", null, true).catch(() => {});
    await returning.reconnecting.next("the break");
    same((await returning.reconnected.next("the return")) === id, false, "the same id");
    same(await transportOf(returning), transport);
  });

  test("a server that stops or dies is found again", async ({ open, outside }) => {
    const connection = await open("hub", { retries });
    const transport = await transportOf(connection);
    for (const end of ["stop", "kill"]) {
      await outside(end);
      await connection.reconnecting.next(`the break by ${end}`);
      await outside("start");
      await connection.reconnected.next(`the return after ${end}`);
      same(await transportOf(connection), transport);
      same(await connection.invoke("add", 1, 2), 3);
    }
  });

  test("a network that breaks is survived", async ({ open, outside }) => {
    const connection = await open("hub", { retries });
    const id = connection.connectionId;
    await outside("down");
    await connection.reconnecting.next("the break");
    await outside("up");
    same((await connection.reconnected.next("the return")) === id, false, "the same id");
    same(await connection.invoke("add", 1, 2), 3);
  });
}
