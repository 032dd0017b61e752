/*
 * Work on a list that is also told of changes: one piece at a time, and what is told while a page is under way is done
 * after it, because the page may be older than that. Knows neither the list nor the document.
 */

export class Turns {
  #work = Promise.resolve();
  #late = null;

  /** Do a piece of work after those before it, however these ended; the promise says how this one ends. */
  take(job) {
    const done = this.#work.then(() => this.#doAlone(job));
    this.#work = done.catch(() => {});
    return done;
  }

  /** Do something now, or as soon as the piece of work that is under way is over. */
  tell(act) {
    if (this.#late) this.#late.push(act);
    else act();
  }

  async #doAlone(job) {
    this.#late = [];
    try {
      await job();
    } finally {
      const late = this.#late;
      this.#late = null;
      for (const act of late) act();
    }
  }
}
