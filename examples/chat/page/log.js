// The list of messages.

import { element } from "./element.js";

const list = document.getElementById("log");
const button = document.getElementById("unread");
const kept = 500;
let unread = 0;
/** Whether the reader is at the bottom and wants to stay there. */
let following = true;

/** A round picture for a name: its first letter on a colour that every page agrees on. */
export function avatar(name) {
  let hash = 0;
  for (const c of name) hash = (hash * 31 + c.codePointAt(0)) % 360;
  const node = element("span", "avatar", [...name][0].toUpperCase());
  node.style.setProperty("--hue", hash);
  node.setAttribute("aria-hidden", "true");
  return node;
}

function toBottom() {
  list.scrollTop = list.scrollHeight;
}

/** Adds `item` before `next`, or last, and leaves the reader where they are: at the bottom, or away from it. */
function insert(item, next = null) {
  list.insertBefore(item, next);
  while (list.children.length > kept) list.firstElementChild.remove();
  if (following) toBottom();
}

/** Consecutive messages of one person show the name once. */
function group(item) {
  const previous = item?.previousElementSibling;
  item?.classList.toggle("again", previous?.dataset.from !== undefined && previous.dataset.from === item.dataset.from);
}

/**
 * Shows a message at its place in time, once: after a reconnect the history repeats what is already here,
 * and two people talking at once may reach us in either order.
 */
export function addMessage({ at, from, text }, { mine, fresh }) {
  const messages = [...list.querySelectorAll("[data-at]")];
  if (messages.some((item) => Number(item.dataset.at) === at)) return;
  const next = messages.find((item) => Number(item.dataset.at) > at);

  const time = element("time", "", new Date(at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" }));
  time.dateTime = new Date(at).toISOString();
  const head = element("p", "head", "", element("bdi", "from", from), time);
  const body = element("p", "text", text);
  body.dir = "auto";
  const item = element("div", mine ? "message mine" : "message", "", avatar(from), element("div", "bubble", "", head, body));
  item.dataset.at = at;
  item.dataset.from = from;

  const missed = fresh && !mine && (document.hidden || !following);
  insert(item, next);
  group(item);
  group(item.nextElementSibling);
  if (mine && fresh) toBottom();
  if (missed) count(unread + 1);
}

/** A line that nobody said: arrivals, departures. */
export function addNotice(text) {
  insert(element("p", "notice", text));
}

/** Empties the list, for another room. */
export function clear() {
  list.replaceChildren();
  following = true;
  count(0);
}

let title = document.title;

/** The window's title, which also carries the number of unread messages. */
export function setTitle(text) {
  title = text;
  count(unread);
}

function count(n) {
  unread = n;
  document.title = n ? `(${n}) ${title}` : title;
  button.textContent = n === 1 ? "1 new message" : `${n} new messages`;
  // While the window is hidden the list follows by itself; the button is for those who scrolled up.
  button.hidden = n === 0 || following;
}

function seen() {
  if (!document.hidden && following) count(0);
}

list.addEventListener("scroll", () => {
  following = list.scrollHeight - list.scrollTop - list.clientHeight < 48;
  seen();
});
// A phone's keyboard, a long draft or an error below takes height from the list: keep the last line in view.
new ResizeObserver(() => following && toBottom()).observe(list);
document.addEventListener("visibilitychange", seen);
button.addEventListener("click", () => {
  toBottom();
  list.focus();
});
