import { failure, same } from "./check.mjs";

const text = "naïve 日本語 👩‍👩‍👧‍👦 \u0000 \u001e \u2028 \"quoted\" back\\slash <b>&amp;";
const ann = { fullName: "Ann Ödegård", age: 37, tags: ["a", "b"] };
const refused = (method) => `Failed to invoke '${method}' due to an error on the server.`;

export function values(test) {
  test("every shape comes back as it went", async ({ open }) => {
    const connection = await open();
    const shapes = {
      echoString: ["", text, "x".repeat(30_000), "x".repeat(31), "x".repeat(32), "x".repeat(255), "x".repeat(256)],
      echoNumber: [0, 5, -1.5, 1e308, 0.1],
      echoInteger: [0, -1, 127, 128, -33, 65_536, 2 ** 32, -(2 ** 31) - 1, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER],
      echoBool: [true, false],
      echoOption: [null, "some"],
      echoStruct: [ann, { ...ann, age: null, tags: [] }],
      echoList: [[], [1, 2, 3], Array.from({ length: 1_000 }, (_, i) => i - 500)],
      echoMap: [{}, { ann, "key with \"quotes\" 👍": ann }],
      echoAny: [null, 1, -1, 1.5, "x", true, [], {}, [[{ deep: [null, { er: text }] }]]],
    };
    for (const [method, values] of Object.entries(shapes)) {
      for (const value of values) same(await connection.invoke(method, value), value, method);
    }
    same(await connection.invoke("echoBorrowed", "hello", ann), "hello Ann Ödegård");
  });

  test("what is undefined counts as nothing", async ({ open, encoding }) => {
    const connection = await open();
    same(await connection.invoke("echoOption", undefined), null);
    same(await connection.invoke("echoStruct", { ...ann, age: undefined }), { ...ann, age: null });
    const echo = await connection.invoke("echoAny", { a: undefined, b: [undefined] });
    same(echo, encoding.undefinedProperties ? { a: null, b: [null] } : { b: [null] });
    same(await connection.invoke("nothing"), null);
  });

  test("properties that the server does not know are skipped, missing ones are an error", async ({ open }) => {
    const connection = await open();
    same(await connection.invoke("echoStruct", { nick: [{ a: 1 }], ...ann, last: null }), ann);
    same(await failure(connection.invoke("echoStruct", { age: 37 })), refused("echoStruct"));
    same(await failure(connection.invoke("echoStruct", { ...ann, age: 256 })), refused("echoStruct"));
    same(await failure(connection.invoke("echoStruct", { FullName: "Ann", Tags: [] })), refused("echoStruct"));
  });

  test("numbers are exact as far as the client can count", async ({ open, encoding }) => {
    const connection = await open();
    // Beyond 2^53 it is JavaScript that rounds, in either encoding.
    same(await connection.invoke("extremes"), [-(2 ** 63), 2 ** 63, 2 ** 64]);
    const large = connection.invoke("echoInteger", 2 ** 53);
    if (encoding.largeIntegers) same(await large, 2 ** 53);
    else same(await failure(large), refused("echoInteger"));
    for (const number of [NaN, Infinity, -Infinity]) {
      const echo = connection.invoke("echoNumber", number);
      if (encoding.everyNumber) same(await echo, number);
      else same(await failure(echo), refused("echoNumber"));
    }
    same(await failure(connection.invoke("echoInteger", 1.5)), refused("echoInteger"));
    same(await failure(connection.invoke("echoInteger", "1")), refused("echoInteger"));
  });

  test("bytes come back as they went", async ({ open, encoding }) => {
    const connection = await open();
    for (const length of [0, 1, 2, 3, 255, 256, 20_000]) {
      const bytes = Uint8Array.from({ length }, (_, i) => (i * 7) % 256);
      const echo = await connection.invoke("echoBlob", encoding.bytes.write(bytes));
      same(encoding.bytes.read(echo), bytes, `${length} bytes`);
    }
    same(await failure(connection.invoke("echoBlob", 5)), refused("echoBlob"));
  });

  test("moments come back as they went", async ({ open, encoding }) => {
    const connection = await open();
    // One for each form that a timestamp has in MessagePack, and the ends of what both sides can write.
    const moments = ["2017-04-11T00:00:00.000Z", "2026-11-24T21:25:00.123Z", "1969-12-31T23:59:59.999Z", "2514-05-30T01:53:04.000Z", "0001-01-01T00:00:00.000Z", "9999-12-31T23:59:59.999Z"];
    for (const moment of moments.map((moment) => new Date(moment))) {
      const echo = await connection.invoke("echoTimestamp", encoding.date.write(moment));
      same(encoding.date.read(echo), moment);
    }
    same(await failure(connection.invoke("echoTimestamp", true)), refused("echoTimestamp"));
  });
}
