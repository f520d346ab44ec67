import { failure, same } from "./check.mjs";

const unexpected = (method) => `An unexpected error occurred invoking '${method}' on the server.`;
const refused = (method) => `Failed to invoke '${method}' due to an error on the server.`;

export function calls(test) {
  test("methods return values, or nothing, at once or later", async ({ open }) => {
    const connection = await open();
    same(await connection.invoke("add", 2, 40), 42);
    same(await connection.invoke("nothing"), null);
    same(await connection.invoke("slow", 20), 20);
  });

  test("names are found without case, and only exported ones", async ({ open }) => {
    const connection = await open();
    same(await connection.invoke("ADD", 1, 2), 3);
    same(await connection.invoke("Add", 1, 2), 3);
    same(await connection.invoke("theOtherName"), "renamed");
    same(await connection.invoke("THEOTHERNAME"), "renamed");
    const hidden = ["nope", "renamed", "private", "onConnected", "on_connected", "OnConnectedAsync", "onDisconnected", "add ", "echo_string"];
    for (const name of hidden) {
      same(await failure(connection.invoke(name)), `${refused(name)} HubException: Method does not exist.`);
    }
    same(await connection.invoke("add", 1, 2), 3, "the connection survives");
  });

  test("errors say what the hub chose to say, and no more", async ({ open }) => {
    const connection = await open();
    same(await failure(connection.invoke("failPublic")), `${unexpected("failPublic")} HubException: no tea left`);
    same(await failure(connection.invoke("FAILpublic")), `${unexpected("FAILpublic")} HubException: no tea left`);
    same(await failure(connection.invoke("failPrivate")), unexpected("failPrivate"));
    same(await failure(connection.invoke("failPanic")), unexpected("failPanic"));
    for (const args of [[], [1], [1, 2, 3], ["one", "two"], [null, 1], [1.5, 1], [[1], 1], [{}, 1]]) {
      same(await failure(connection.invoke("add", ...args)), refused("add"), JSON.stringify(args));
    }
    same(await connection.invoke("add", 1, 2), 3, "the connection survives");
  });

  test("detailed errors tell more, when they are switched on", async ({ open }) => {
    const connection = await open("detailed");
    same(await failure(connection.invoke("failPrivate")), `${unexpected("failPrivate")} ParseIntError: invalid digit found in string`);
    same(await failure(connection.invoke("failPublic")), `${unexpected("failPublic")} HubException: no tea left`);
    same(await failure(connection.invoke("nope")), `${refused("nope")} HubException: Method does not exist.`);
    same(await failure(connection.invoke("add", 1)), `${refused("add")} InvalidDataException: Invocation provides 1 argument(s) but target expects 2.`);
    const binding = "Error binding arguments. Make sure that the types of the provided values match the types of the hub method being invoked.";
    same(await failure(connection.invoke("add", "one", 2)), `${refused("add")} InvalidDataException: ${binding}`);
  });

  test("a failing send without an answer harms nothing", async ({ open }) => {
    const connection = await open();
    for (const method of ["nope", "failPublic", "failPrivate", "failPanic", "add"]) await connection.send(method);
    await connection.send("add", "one", "two");
    same(await connection.invoke("add", 1, 2), 3);
  });

  test("a thousand sends of one tick arrive in order", async ({ open }) => {
    const connection = await open();
    for (let i = 0; i < 1_000; i++) connection.send("record", i);
    same(await connection.invoke("recorded"), Array.from({ length: 1_000 }, (_, i) => i));
  });

  test("ten thousand numbers reach the caller in order, before the answer", async ({ open }) => {
    const connection = await open();
    const seen = [];
    connection.on("number", (n) => seen.push(n));
    same(await connection.invoke("countTo", 10_000), 10_000);
    same(seen, Array.from({ length: 10_000 }, (_, i) => i));
  });

  test("many calls at once each get their own answer", async ({ open }) => {
    const connections = await Promise.all(Array.from({ length: 5 }, () => open()));
    const calls = connections.flatMap((connection, c) =>
      Array.from({ length: 200 }, async (_, i) => same(await connection.invoke("add", 1_000 * c, i), 1_000 * c + i)));
    await Promise.all(calls);
  });
}
