// Comparing, without Node's `assert`, so that it works in pages too.

/** A value as text that tells apart what JSON does not: undefined from null, dates from texts, bytes from lists. */
function show(value) {
  if (value instanceof Uint8Array) return `bytes(${value})`;
  if (value instanceof Date) return `date(${value.toISOString()})`;
  if (value instanceof Error) return `error(${value.message})`;
  if (Array.isArray(value)) return `[${value.map(show)}]`;
  if (value !== null && typeof value === "object") {
    const entries = Object.keys(value).sort().map((key) => `${JSON.stringify(key)}:${show(value[key])}`);
    return `{${entries}}`;
  }
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}

const short = (text) => (text.length > 500 ? `${text.slice(0, 500)}…` : text);

/** Throws unless two values are the same all the way down. */
export function same(actual, expected, what = "value") {
  const [is, should] = [show(actual), show(expected)];
  if (is !== should) throw new Error(`${what}: ${short(is)} instead of ${short(should)}`);
}

/** The text of the error that a promise ends with. */
export async function failure(promise) {
  let value;
  try {
    value = await promise;
  } catch (error) {
    return error.message;
  }
  throw new Error(`succeeded with ${short(show(value))}`);
}
