// The chat example as people use it: the real binary, a real browser, several windows.
// Controls are found by their roles and labels, as a screen reader finds them.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { badge, client, fits, isEvents, openPage, phone, programs, proxy, Queue, screenshot, startBrowser, startServer } from "./support.mjs";

const limit = { timeout: 60_000 };

let browser;
let server;
before(async () => {
  browser = await startBrowser();
  server = await startServer(programs.chat, "127.0.0.1:0");
}, limit);
after(async () => {
  await browser?.close();
  await server?.kill();
}, limit);

const open = (t, { url = server.url, ...options } = {}) => openPage(t, browser, url, options);

/** Opens a window and joins a room. */
async function enter(t, name, room, options) {
  const page = await open(t, options);
  await join(page, name, room);
  return page;
}

async function join(page, name, room) {
  await page.getByLabel("Your name").fill(name);
  await page.getByLabel("Room", { exact: true }).fill(room);
  await page.getByRole("button", { name: "Join the room" }).click();
  await page.getByRole("heading", { name: `# ${room.toLowerCase()}` }).waitFor();
}

const log = (page) => page.getByRole("log");
const messages = (page) => log(page).locator(".text");
const message = (page, text) => messages(page).filter({ hasText: text });

async function say(page, text) {
  await page.getByLabel("Message", { exact: true }).fill(text);
  await page.keyboard.press("Enter");
  await message(page, text).waitFor();
}

/** Waits until the people in the room are exactly these. */
const people = (page, ...names) =>
  page.waitForFunction((names) => {
    const shown = [...document.querySelectorAll("#people bdi")].map((name) => name.textContent);
    return JSON.stringify(shown) === JSON.stringify(names);
  }, names.sort());

test("two people see each other, talk, and see each other type", limit, async (t) => {
  const ann = await enter(t, "Ann", "tea");
  await people(ann, "Ann");
  const ben = await enter(t, "Ben", "tea");
  await people(ann, "Ann", "Ben");
  await people(ben, "Ann", "Ben");
  await log(ann).getByText("Ben came in").waitFor();

  await ben.getByLabel("Message", { exact: true }).pressSequentially("Hel");
  await ann.getByText("Ben is typing").waitFor();
  await ben.getByLabel("Message", { exact: true }).fill("");
  await ann.getByText("Ben is typing").waitFor({ state: "hidden" });

  await say(ben, "Hello Ann!");
  await message(ann, "Hello Ann!").waitFor();
  await say(ann, "Hello Ben! 👋 Shall we\nmeet?");
  assert.equal(await message(ben, "meet?").textContent(), "Hello Ben! 👋 Shall we\nmeet?");
  assert.deepEqual(await messages(ann).allTextContents(), await messages(ben).allTextContents());
  assert.deepEqual(await log(ben).locator(".message .from").allTextContents(), ["Ben", "Ann"]);

  await ben.context().close();
  await people(ann, "Ann");
  await log(ann).getByText("Ben left").waitFor();
});

test("people talk through proxies that block WebSockets, or event streams as well", limit, async (t) => {
  const [blocked, strict] = [await proxy(t, server.port), await proxy(t, server.port, isEvents)];
  const room = "Behind Proxies";
  const ann = await enter(t, "Ann", room);
  const ben = await enter(t, "Ben", room, { url: blocked.url });
  const cleo = await enter(t, "Cleo", room, { url: strict.url });
  for (const page of [ann, ben, cleo]) await people(page, "Ann", "Ben", "Cleo");
  for (const [page, text] of [[ann, "over a socket"], [ben, "over events"], [cleo, "over polls"]]) {
    await say(page, text);
    for (const other of [ann, ben, cleo]) await message(other, text).waitFor();
  }
  assert.ok(blocked.refused.length >= 1, "the WebSocket was refused");
  assert.ok(strict.refused.length >= 2, "and the event stream, too");
  // A page that closes breaks its stream off; one that polls would be missed later.
  await ben.close();
  for (const page of [ann, cleo]) await people(page, "Ann", "Cleo");
});

test("rooms keep to themselves, and a change of room takes along nothing", limit, async (t) => {
  const [ann, ben, cat] = [await enter(t, "Ann", "red"), await enter(t, "Ben", "red"), await enter(t, "Cat", "blue")];
  await say(ann, "for red only");
  await message(ben, "for red only").waitFor();
  assert.equal(await messages(cat).count(), 0);

  await ben.getByRole("button", { name: /# blue/ }).click();
  await ben.getByRole("heading", { name: "# blue" }).waitFor();
  await people(cat, "Ben", "Cat");
  await people(ann, "Ann");
  assert.equal(await messages(ben).count(), 0);

  await say(ben, "for blue only");
  await message(cat, "for blue only").waitFor();
  await say(ann, "still red");
  assert.deepEqual(await messages(ann).allTextContents(), ["for red only", "still red"]);
  assert.deepEqual(await messages(cat).allTextContents(), ["for blue only"]);

  await cat.getByLabel("Another room").fill("Green Tea");
  await cat.keyboard.press("Enter");
  await cat.getByRole("heading", { name: "# green tea" }).waitFor();
  await people(ben, "Ben");
});

test("whoever comes later reads the last fifty messages, until the last has left", limit, async (t) => {
  const ann = await enter(t, "Ann", "history");
  // Several speakers, as none may say so much so fast.
  const speakers = [ann];
  for (const name of ["Cat", "Dan", "Eve", "Fay"]) speakers.push(await enter(t, name, "history"));
  for (let i = 1; i <= 55; i++) await say(speakers[i % 5], `message ${i}.`);
  const ben = await enter(t, "Ben", "history");
  const expected = Array.from({ length: 50 }, (_, i) => `message ${i + 6}.`);
  assert.deepEqual(await messages(ben).allTextContents(), expected);

  for (const page of [...speakers, ben]) await page.getByRole("button", { name: "Leave" }).click();
  await join(ann, "Ann", "history");
  assert.equal(await messages(ann).count(), 0, "an empty room is forgotten");
});

test("a flood is refused, and what was refused is not lost", limit, async (t) => {
  const eve = await enter(t, "Eve", "flood");
  const box = eve.getByLabel("Message", { exact: true });
  const alert = eve.getByRole("alert").filter({ hasText: "not so fast" });
  let sent = 0;
  while (!(await alert.isVisible())) {
    await box.fill(`message ${++sent}.`);
    await eve.keyboard.press("Enter");
    await alert.or(message(eve, `message ${sent}.`)).first().waitFor();
  }
  assert.ok(sent > 10, `${sent} in a row are no flood`);
  assert.equal(await box.inputValue(), `message ${sent}.`);
  assert.equal(await messages(eve).count(), sent - 1);
});

test("hostile text stays text", limit, async (t) => {
  const name = '<img src=x onerror="alert(1)">';
  const ann = await enter(t, "Ann", "safe");
  const eve = await open(t);
  await eve.evaluate(() => document.querySelectorAll("input, textarea").forEach((box) => box.removeAttribute("maxlength")));
  await join(eve, name.slice(0, 24), "safe");
  const attacks = [
    "<script>alert(1)</script>",
    '<img src="x" onerror="alert(1)">',
    "javascript:alert(1)",
    "{{7*7}} ${7*7} &lt;b&gt;",
    "https://example.org/<svg onload=alert(1)>",
  ];
  for (const text of attacks) await say(eve, text);
  await eve.getByLabel("Message", { exact: true }).fill("bell\u0007 and \u202eturned text");
  await eve.keyboard.press("Enter");
  await message(ann, "turned text").waitFor();
  assert.deepEqual(await messages(ann).allTextContents(), [...attacks, "bell and turned text"]);
  assert.equal(await ann.locator("#log script, #log img, #log svg, #people img").count(), 0);
  await people(ann, "Ann", name.slice(0, 24));

  await eve.getByLabel("Message", { exact: true }).fill("x".repeat(1_001));
  await eve.keyboard.press("Enter");
  await eve.getByRole("alert").filter({ hasText: "the message is longer than 1000 letters" }).waitFor();
  assert.equal((await eve.getByLabel("Message", { exact: true }).inputValue()).length, 1_001, "what was refused is not lost");
});

test("a bad name or room is refused with a reason", limit, async (t) => {
  const eve = await open(t);
  await eve.evaluate(() => document.querySelectorAll("input").forEach((box) => box.removeAttribute("maxlength")));
  const attempt = async (name, room, why) => {
    await eve.getByLabel("Your name").fill(name);
    await eve.getByLabel("Room", { exact: true }).fill(room);
    await eve.getByRole("button", { name: "Join the room" }).click();
    await eve.getByRole("alert").filter({ hasText: why }).waitFor();
  };
  await attempt("x".repeat(25), "tea", "the name is longer than 24 letters");
  await attempt("\u200b", "tea", "the name is empty");
  await attempt("Eve", "   ", "the room is empty");
});

test("the page survives the end of its server and comes back to its room", limit, async (t) => {
  const ann = await enter(t, "Ann", "phoenix");
  const ben = await enter(t, "Ben", "phoenix", { viewport: phone });
  await say(ann, "before the fire");
  await message(ben, "before the fire").waitFor();

  for (const end of ["stop", "kill"]) {
    await server[end]();
    for (const page of [ann, ben]) await badge(page, "Reconnecting");
    await fits(ben);
    await ann.getByLabel("Message", { exact: true }).fill("typed meanwhile");
    await ann.keyboard.press("Enter");
    server = await startServer(programs.chat, `127.0.0.1:${server.port}`);
    for (const page of [ann, ben]) await badge(page, "Connected");
    for (const page of [ann, ben]) await people(page, "Ann", "Ben");
    assert.equal(await ann.getByLabel("Message", { exact: true }).inputValue(), "typed meanwhile");
    await say(ben, `after ${end}`);
    await message(ann, `after ${end}`).waitFor();
  }
  assert.deepEqual(await messages(ann).allTextContents(), ["before the fire", "after stop", "after kill"]);
});

test("what was missed is counted", limit, async (t) => {
  const ann = await enter(t, "Ann", "unread", { viewport: { width: 800, height: 360 } });
  const ben = await enter(t, "Ben", "unread");
  for (let i = 1; i <= 12; i++) await say(ben, `line ${i}.`);
  await message(ann, "line 12.").waitFor();
  await log(ann).evaluate((list) => new Promise((done) => {
    list.addEventListener("scroll", () => done(), { once: true });
    list.scrollTop = 0;
  }));
  await say(ben, "and one more");
  await say(ben, "and another");
  await ann.getByRole("button", { name: "2 new messages" }).waitFor();
  assert.equal(await ann.title(), "(2) #unread · SignalR chat");
  await ann.getByRole("button", { name: "2 new messages" }).click();
  await ann.getByRole("button", { name: "2 new messages" }).waitFor({ state: "hidden" });
  assert.equal(await ann.title(), "#unread · SignalR chat");
});

test("the keyboard alone is enough", limit, async (t) => {
  const page = await open(t, { viewport: phone });
  await page.keyboard.type("Ann");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "# lobby" }).waitFor();
  await page.keyboard.type("typed at once");
  await page.keyboard.press("Enter");
  await message(page, "typed at once").waitFor();

  await page.getByRole("button", { name: /Show rooms and people/ }).press("Enter");
  const focused = page.getByLabel("Rooms and people", { exact: true }).locator(":focus");
  await focused.waitFor();
  const name = await focused.textContent();
  await enter(t, "Ben", "zoo");
  await page.getByRole("button", { name: /# zoo/ }).waitFor();
  assert.equal(await focused.textContent(), name, "a new list leaves the focus where it was");
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: /Show rooms and people/ }).and(page.locator(":focus")).waitFor();
  assert.equal(await page.getByLabel("Rooms and people", { exact: true }).isVisible(), false);
});

test("it fits a phone and a desktop, by day and by night", limit, async (t) => {
  const ann = await enter(t, "Ann Ödegård", "tea");
  const ben = await enter(t, "Ben", "tea", { viewport: phone, colorScheme: "dark", deviceScaleFactor: 2 });
  const cat = await enter(t, "Cat", "tea");
  const others = [["Dora", "rust"], ["Emil", "rust"], ["Fay", "lobby"]];
  for (const [name, room] of others) await enter(t, name, room);

  await say(ann, "Good morning! The kettle is on ☕");
  await say(ben, "On my way. Is there cake?");
  await say(cat, "There was.");
  await say(cat, "Reconnecting was quick today: I closed the laptop on the train and it came straight back to the room.");
  await say(ann, "https://example.org/a/very/long/link/that/has/no/spaces/in/it/at/all/and/goes/on/and/on/and/on");
  await say(ben, "Two minutes.");
  await message(ann, "Two minutes.").waitFor();
  await message(cat, "Two minutes.").waitFor();
  await people(ann, "Ann Ödegård", "Ben", "Cat");
  await cat.getByLabel("Message", { exact: true }).pressSequentially("I");
  await ann.getByText("Cat is typing").waitFor();

  for (const page of [ann, ben, cat]) await fits(page);
  await screenshot(ann, "chat-desktop");
  await screenshot(ben, "chat-phone");
});

// What the page would never send is sent by hand.

/** A connection without a page. */
async function stranger(t, url) {
  const connection = client(`${url}/chat`);
  const rooms = new Queue();
  connection.on("roomsChanged", (list) => rooms.push(list));
  t.after(() => connection.stop());
  await connection.start();
  return Object.assign(connection, { rooms });
}

const refused = (promise, why) =>
  assert.rejects(promise, (error) => error.message.endsWith(`HubException: ${why}`) || assert.fail(error.message));

test("a stranger without a page meets the same limits", limit, async (t) => {
  const eve = await stranger(t, server.url);
  await refused(eve.invoke("say", "hello"), "join a room first");
  await refused(eve.invoke("typing", true), "join a room first");
  await refused(eve.invoke("join", "x".repeat(25), "tea"), "the name is longer than 24 letters");
  await refused(eve.invoke("join", "Eve", "\u202e\u0007"), "the room is empty");
  const { name, room } = await eve.invoke("join", " Eve\n\u202e of  Eden ", "  TEA ");
  assert.deepEqual([name, room], ["Eve of Eden", "tea"]);
  for (const method of ["moveTo", "move_to", "onDisconnected"]) await assert.rejects(eve.invoke(method), /Method does not exist/);
  await assert.rejects(eve.invoke("join", { name: "Eve" }, ["tea"]), /^Error: Failed to invoke 'join' due to an error on the server\.$/);
});

test("rooms are limited in number, and forgotten when empty", limit, async (t) => {
  const alone = await startServer(programs.chat, "127.0.0.1:0");
  t.after(() => alone.kill());
  const eves = await Promise.all(Array.from({ length: 101 }, () => stranger(t, alone.url)));
  const last = eves.pop();
  await Promise.all(eves.map((eve, i) => eve.invoke("join", "Eve", `room ${i}`)));
  await refused(last.invoke("join", "Eve", "one more"), "there are too many rooms; join one of those");
  assert.equal((await last.invoke("join", "Eve", "room 7")).people.names.length, 1, "a name is a person, however many windows it has");

  /** The list comes a little later than the change, and several changes in one list. */
  const listed = async (done) => {
    for (;;) {
      const rooms = await last.rooms.next("the list of rooms");
      if (done(rooms)) return rooms;
    }
  };
  await listed((rooms) => rooms.length === 100);
  await Promise.all(eves.map((eve) => eve.stop()));
  assert.deepEqual(await listed((rooms) => rooms.length === 1), [{ name: "room 7", people: 1 }]);
  await last.invoke("leave");
  assert.deepEqual(await listed((rooms) => rooms.length < 1), []);
});
