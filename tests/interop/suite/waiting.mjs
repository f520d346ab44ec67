// Waiting for what a server does. Runs in Node and in pages.

/** Rejects when `promise` takes too long, with words that tell what was waited for. */
export async function within(promise, what, millis = 10_000) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${millis} ms for ${what}`)), millis);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Events as a queue: `next()` takes the oldest, or waits for one. */
export class Queue {
  #items = [];
  #waiting = [];

  push(item) {
    const waiting = this.#waiting.shift();
    if (waiting) waiting(item);
    else this.#items.push(item);
  }

  next(what = "an event") {
    if (this.#items.length > 0) return Promise.resolve(this.#items.shift());
    return within(new Promise((resolve) => this.#waiting.push(resolve)), what);
  }

  /** Takes all that is here now. */
  drain() {
    return this.#items.splice(0);
  }
}
