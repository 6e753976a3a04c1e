// @ts-check
// Three small elements. Every page works without them; they only write text nodes, so Trusted Types have nothing to refuse.

/** `<rk-time>`: shows the moment of its `<time>` in the reader's own zone; the server's text stays as the title. */
class RekindleTime extends HTMLElement {
  static format = new Intl.DateTimeFormat(document.documentElement.lang === "en" ? "en-GB" : document.documentElement.lang, {
    day: "numeric",
    month: "short",
    year: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    timeZoneName: "short",
  });

  connectedCallback() {
    const time = this.querySelector("time");
    const moment = time && new Date(time.dateTime);
    if (!time || !moment || Number.isNaN(moment.getTime())) return;
    time.title = time.textContent ?? "";
    time.textContent = RekindleTime.format.format(moment);
  }
}

/**
 * `<rk-live src after keep>`: prepends rows from a server-sent event stream to the table inside, and keeps the newest.
 * A message is `{href, time, cells: [{text, tone?, href?, mono?, number?}]}`; the words come from the server.
 */
class RekindleLive extends HTMLElement {
  /** @type {EventSource | undefined} */
  #stream;
  /** @type {object[]} */
  #held = [];
  #paused = false;
  #arrived = 0;

  connectedCallback() {
    this.#button()?.addEventListener("click", () => this.#toggle());
    this.#open();
  }

  disconnectedCallback() {
    this.#stream?.close();
  }

  /** @returns {HTMLButtonElement | null} */
  #button() {
    return this.querySelector("button[data-pause]");
  }

  #open() {
    const stream = new EventSource(this.getAttribute("src") ?? "");
    stream.onopen = () => this.#say();
    stream.onerror = () => this.#say(this.dataset.lost);
    stream.onmessage = (message) => this.#take(JSON.parse(message.data));
    stream.addEventListener("end", () => {
      stream.close();
      this.#say(this.dataset.ended);
    });
    this.#stream = stream;
  }

  #toggle() {
    this.#paused = !this.#paused;
    const button = this.#button();
    if (button) {
      button.textContent = (this.#paused ? this.dataset.resume : this.dataset.pause) ?? "";
    }
    if (!this.#paused) {
      for (const row of this.#held.splice(0)) this.#show(row);
    }
    this.#say();
  }

  /** @param {object} row */
  #take(row) {
    this.#arrived += 1;
    if (this.#paused) {
      this.#held.push(row);
      if (this.#held.length > this.#keep) this.#held.shift();
    } else {
      this.#show(row);
    }
    this.#say();
  }

  get #keep() {
    return Number(this.getAttribute("keep") ?? 200);
  }

  /** @param {any} row */
  #show(row) {
    const body = this.querySelector("tbody");
    if (!body) return;
    const line = document.createElement("tr");
    line.className = "fresh";
    for (const cell of row.cells) {
      const place = document.createElement("td");
      if (cell.number) place.className = "n";
      let target = /** @type {HTMLElement} */ (place);
      if (cell.moment) {
        const holder = document.createElement("rk-time");
        const time = document.createElement("time");
        time.dateTime = cell.moment;
        time.textContent = cell.text;
        holder.append(time);
        place.append(holder);
        line.append(place);
        continue;
      }
      if (cell.href) {
        const link = document.createElement("a");
        link.setAttribute("href", cell.href);
        place.append(link);
        target = link;
      } else if (cell.tone) {
        const state = document.createElement("span");
        state.className = `state ${cell.tone}`;
        place.append(state);
        target = state;
      }
      if (cell.mono) place.classList.add("mono", "id");
      target.textContent = cell.text;
      line.append(place);
    }
    body.prepend(line);
    while (body.rows.length > this.#keep) body.deleteRow(-1);
    this.querySelector("[data-empty]")?.remove();
  }

  /** @param {string} [text] */
  #say(text) {
    const output = this.querySelector("output");
    if (!output) return;
    const held = this.#paused ? ` · ${this.dataset.waiting}: ${this.#held.length}` : "";
    output.textContent = text ?? `${this.#paused ? this.dataset.paused : this.dataset.running} · ${this.dataset.arrived}: ${this.#arrived}${held}`;
  }
}

/**
 * `<rk-pick src language>`: while one writes into the field inside, its list is filled with what the taxonomy's search
 * finds. Answers that come late are dropped; without an answer the list stays as it was.
 */
class RekindlePick extends HTMLElement {
  #asked = 0;

  connectedCallback() {
    this.querySelector("input")?.addEventListener("input", (event) => {
      if (event.target instanceof HTMLInputElement) this.#ask(event.target.value.trim());
    });
  }

  /** @param {string} words */
  async #ask(words) {
    const list = this.querySelector("datalist");
    if (words.length < 2 || !list) return;
    const turn = ++this.#asked;
    const query = new URLSearchParams({ q: words, language: this.getAttribute("language") ?? "en" });
    const answer = await fetch(`${this.getAttribute("src")}?${query}`).catch(() => null);
    if (!answer?.ok) return;
    const found = await answer.json();
    if (turn !== this.#asked) return;
    list.replaceChildren(
      ...found.map((/** @type {{number: number, path: string}} */ each) => {
        const option = document.createElement("option");
        option.value = each.path;
        // Shown beside the path, and matched against what was written: a search knows both languages, the browser one.
        option.label = `${each.number} · ${words}`;
        return option;
      }),
    );
  }
}

customElements.define("rk-time", RekindleTime);
customElements.define("rk-live", RekindleLive);
customElements.define("rk-pick", RekindlePick);
