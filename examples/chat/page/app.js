// The page: forms to hub calls, hub events to the screen.

import { connect, reason } from "./connection.js";
import * as log from "./log.js";
import * as side from "./side.js";

const $ = (id) => document.getElementById(id);

/** Where we are: `{ name, room, people }`, or nothing before joining. Survives the connection, so that we can come back. */
let here = null;
let rooms = [];
/** While a join is under way, the room's events wait here: they belong after the answer, which has the history. */
let waiting = null;

const { connection, start } = connect("chat", {
  onState: (state) => {
    if (state !== "connected") side.clearTyping();
  },
  onReady: comeBack,
});

// ---- from the hub ----

/** Runs `show` if the event is of our room: events of the room just left may still be under way. */
function inRoom(room, show) {
  if (waiting) waiting.push([room, show]);
  else if (here?.room === room) show();
}

connection.on("said", (room, message) => inRoom(room, () => {
  side.setTyping(message.from, false);
  log.addMessage(message, { mine: message.from === here.name, fresh: true });
}));

connection.on("typing", (room, name, active) => inRoom(room, () => {
  if (name !== here.name) side.setTyping(name, active);
}));

connection.on("peopleChanged", (room, people) => inRoom(room, () => {
  // Two arrivals at once may be announced in either order; the newer list is the true one.
  if (people.version <= here.people.version) return;
  const before = here.people.names;
  for (const name of people.names) if (!before.includes(name)) log.addNotice(`${name} came in`);
  for (const name of before) if (!people.names.includes(name)) log.addNotice(`${name} left`);
  here.people = people;
  side.showPeople(people.names, here.name);
}));

connection.on("roomsChanged", (list) => {
  rooms = list;
  showRooms();
});

const showRooms = () => side.showRooms(rooms, here?.room, (name) => go(name));

// ---- to the hub ----

/** Enters a room, on first arrival, on a change of room and after a reconnect alike. One at a time. */
async function join(name, room) {
  const events = (waiting = []);
  let failure;
  try {
    const { people, history, ...place } = await connection.invoke("join", name, room);
    if (place.room !== here?.room) {
      log.clear();
      side.clearTyping();
    }
    here = { ...place, people };
    for (const message of history) log.addMessage(message, { mine: message.from === here.name, fresh: false });
    show();
  } catch (error) {
    failure = error;
  }
  waiting = null;
  for (const [of, show] of events) inRoom(of, show);
  if (failure) throw failure;
}

/** After a reconnect the server does not know us: say again who we are and where we were. */
async function comeBack() {
  if (!here) return;
  try {
    await join(here.name, here.room);
  } catch (error) {
    // If the connection broke once more, the next reconnect brings us here again.
    if (connection.state === signalR.HubConnectionState.Connected) leave(reason(error));
  }
}

/** Changes the room and stays where we are if that fails. */
async function go(room) {
  if (waiting) return;
  side.openSide(false);
  $("text").focus();
  $("error").textContent = "";
  try {
    if (room !== here.room) await join(here.name, room);
  } catch (error) {
    $("error").textContent = reason(error);
  }
}

let lastTyping = 0;

/** Tells the others that we type, at most every two seconds, and that we stopped, once. */
function tellTyping(active) {
  const now = Date.now();
  if (active ? now - lastTyping < 2_000 : lastTyping === 0) return;
  lastTyping = active ? now : 0;
  connection.send("typing", active).catch(() => {});
}

async function say(text) {
  $("error").textContent = "";
  $("text").value = "";
  lastTyping = 0;
  try {
    await connection.invoke("say", text);
  } catch (error) {
    // Back into the box, before what has been typed since.
    $("text").value = [text, $("text").value].filter(Boolean).join("\n");
    $("error").textContent = reason(error);
  }
}

// ---- the screen ----

function show() {
  $("welcome").hidden = true;
  $("chat").hidden = false;
  $("title").textContent = `# ${here.room}`;
  log.setTitle(`#${here.room} · SignalR chat`);
  history.replaceState(null, "", `?room=${encodeURIComponent(here.room)}`);
  side.showPeople(here.people.names, here.name);
  showRooms();
}

function leave(why = "") {
  here = null;
  log.clear();
  log.setTitle("SignalR chat");
  side.openSide(false);
  $("chat").hidden = true;
  $("welcome").hidden = false;
  $("join-error").textContent = why;
  $("room").focus();
}

$("join").addEventListener("submit", async (event) => {
  event.preventDefault();
  if (waiting) return;
  $("join-error").textContent = "";
  try {
    await join($("name").value, $("room").value);
    $("text").focus();
    localStorage.setItem("name", here.name);
  } catch (error) {
    $("join-error").textContent = reason(error);
  }
});

$("go").addEventListener("submit", (event) => {
  event.preventDefault();
  go($("other").value);
  $("other").value = "";
});

$("leave").addEventListener("click", () => {
  if (waiting) return;
  connection.send("leave").catch(() => {});
  leave();
});

$("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  if ($("text").value.trim()) say($("text").value);
});

$("text").addEventListener("input", () => tellTyping($("text").value !== ""));
$("text").addEventListener("keydown", (event) => {
  // Enter sends and Shift+Enter breaks the line; the Enter that ends an input method's word does neither.
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  if (!$("composer").querySelector("button").disabled) $("composer").requestSubmit();
});

// The address names the room, so that a link to this page invites into it.
$("room").value = new URLSearchParams(location.search).get("room") ?? "lobby";
$("name").value = localStorage.getItem("name") ?? "";
start();
