// Rooms, people, and who is typing.

import { element } from "./element.js";
import { avatar } from "./log.js";

const $ = (id) => document.getElementById(id);

/** Draws the open rooms: as suggestions on the first page, as buttons beside the messages. */
export function showRooms(rooms, current, onPick) {
  $("open-rooms").replaceChildren(...rooms.map(({ name }) => {
    const option = document.createElement("option");
    option.value = name;
    return option;
  }));
  const focused = document.activeElement.dataset.room;
  const buttons = rooms.map(({ name, people }) => {
    const size = element("span", "size", String(people));
    size.setAttribute("aria-label", people === 1 ? "1 person" : `${people} people`);
    const button = element("button", "pick", "", element("bdi", "", `# ${name}`), size);
    button.type = "button";
    button.dataset.room = name;
    if (name === current) button.setAttribute("aria-current", "true");
    button.addEventListener("click", () => onPick(name));
    return button;
  });
  $("rooms").replaceChildren(...buttons.map((button) => element("li", "", "", button)));
  // A new list must not take the keyboard away from somebody who walks through the old one.
  if (focused !== undefined) (buttons.find((button) => button.dataset.room === focused) ?? buttons[0])?.focus();
}

/** Draws who is in the room. */
export function showPeople(names, me) {
  $("people").replaceChildren(...names.map((name) =>
    element("li", "person", "", avatar(name), element("bdi", "", name), name === me ? element("small", "soft", "you") : "")));
  const count = names.length === 1 ? "1 person" : `${names.length} people`;
  $("menu").textContent = count;
  $("menu").setAttribute("aria-label", `${count} here. Show rooms and people`);
  for (const name of typing.keys()) if (!names.includes(name)) setTyping(name, false);
}

const typing = new Map();

/** Notes that somebody began or stopped typing. A page that vanished cannot say that it stopped, so each note expires. */
export function setTyping(name, active) {
  clearTimeout(typing.get(name));
  typing.delete(name);
  if (active) typing.set(name, setTimeout(() => setTyping(name, false), 5_000));
  showTyping();
}

/** Forgets all typists, for another room. */
export function clearTyping() {
  for (const timer of typing.values()) clearTimeout(timer);
  typing.clear();
  showTyping();
}

function showTyping() {
  const names = [...typing.keys()];
  $("typing").classList.toggle("on", names.length > 0);
  $("typing").textContent =
    names.length === 0 ? "" :
    names.length === 1 ? `${names[0]} is typing` :
    names.length === 2 ? `${names[0]} and ${names[1]} are typing` : "Several people are typing";
}

/** On a narrow screen rooms and people are a sheet over the messages; `open` and Escape work it. */
export function openSide(open) {
  $("side").classList.toggle("open", open);
  $("menu").setAttribute("aria-expanded", String(open));
  if (open) $("side").querySelector("button, input").focus();
}

$("menu").addEventListener("click", () => openSide($("menu").getAttribute("aria-expanded") !== "true"));
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && $("side").classList.contains("open")) {
    openSide(false);
    $("menu").focus();
  }
});
