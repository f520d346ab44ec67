// Prices from the server: a stream for each symbol, cancelled and begun again at a click.

import { reason } from "./connection.js";
import { element } from "./element.js";

const $ = (id) => document.getElementById(id);
const kept = 60;
/** The rows by symbol; whether somebody wants to see one survives the connection. */
const rows = new Map();
let connection;

/** Asks a new connection for the symbols, and for the prices of those that are wanted. */
export async function start(connected) {
  connection = connected;
  $("prices-error").textContent = "";
  try {
    for (const symbol of await connection.invoke("symbols")) {
      if (!rows.has(symbol)) rows.set(symbol, addRow(symbol));
    }
    // A second connection may have come meanwhile.
    if (connection === connected) for (const row of rows.values()) if (row.wanted) watch(row);
  } catch (error) {
    $("prices-error").textContent = reason(error);
  }
}

function watch(row) {
  const own = connection;
  // A stream of prices has no end of its own: this is the connection's. What one before the present one says is old news.
  const end = () => connection === own && pause(row);
  row.subscription = own.stream("prices", row.symbol).subscribe({ next: (quote) => draw(row, quote), error: end, complete: end });
  row.item.classList.add("live");
}

function pause(row) {
  row.item.classList.remove("live");
  row.watching.textContent = "";
}

function toggle(row) {
  row.wanted = !row.wanted;
  row.button.textContent = row.wanted ? "Stop" : "Watch";
  if (row.wanted) return watch(row);
  row.subscription?.dispose();
  pause(row);
}

function addRow(symbol) {
  const spark = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  spark.setAttribute("viewBox", `0 0 ${kept - 1} 1`);
  spark.setAttribute("preserveAspectRatio", "none");
  spark.setAttribute("aria-hidden", "true");
  const line = spark.appendChild(document.createElementNS(spark.namespaceURI, "polyline"));

  const price = element("span", "price");
  const change = element("span", "change");
  const watching = element("small", "watching soft");
  const button = element("button", "quiet", "Stop");
  button.type = "button";
  button.setAttribute("aria-describedby", `symbol-${symbol}`);
  const name = element("strong", "symbol", symbol);
  name.id = `symbol-${symbol}`;
  const item = element("li", "quote", "", name, watching, spark, price, change, button);
  item.dataset.symbol = symbol;

  const row = { symbol, item, spark, line, price, change, watching, button, prices: [], wanted: true };
  button.addEventListener("click", () => toggle(row));
  $("quotes").append(item);
  return row;
}

function draw(row, { price, watching }) {
  const { prices } = row;
  const before = prices.at(-1) ?? price;
  prices.push(price);
  if (prices.length > kept) prices.shift();

  const [low, high] = [Math.min(...prices), Math.max(...prices)];
  const height = (price) => (high > low ? (0.95 - (0.9 * (price - low)) / (high - low)).toFixed(3) : "0.5");
  row.line.setAttribute("points", prices.map((price, i) => `${i + kept - prices.length},${height(price)}`).join(" "));
  row.price.textContent = price.toFixed(2);
  row.price.dataset.move = price < before ? "down" : "up";
  const percent = 100 * (price / prices[0] - 1);
  row.change.textContent = `${percent < 0 ? "▼" : "▲"} ${Math.abs(percent).toFixed(2)} %`;
  for (const part of [row.spark, row.change]) part.dataset.move = percent < 0 ? "down" : "up";
  row.watching.textContent = `${watching} watching`;
}
