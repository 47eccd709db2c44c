"use strict";

/* Tables: sort by any column, show one page at a time, filter rows by name. */

const collator = new Intl.Collator(undefined, { numeric: true });

function compare(a, b) {
  return typeof a === "string" ? collator.compare(a, b) : a - b;
}

function written(value, decimals) {
  return Number(value.toFixed(decimals)).toFixed(decimals);  // never a negative zero
}

function element(tag, properties, child) {
  const made = Object.assign(document.createElement(tag), properties);
  if (child !== undefined) made.append(child);
  return made;
}

function makeSortable(box) {
  const data = JSON.parse(document.getElementById(box.dataset.rows).textContent);
  const heads = [...box.querySelectorAll("thead th")];
  const body = box.querySelector("tbody");
  const [back, next] = box.querySelectorAll(".pager button");
  const search = box.querySelector("input");
  const status = box.querySelector("output");
  let order = data.rows.map((_, index) => index);
  let column = null, direction = 1, first = 0, found = order;

  function cell(value, at) {
    if (data.decimals[at] === null) return element("td", {}, element("bdi", {}, value));
    return element("td", { className: "number" }, value === null ? "–" : written(value, data.decimals[at]));
  }

  function line(index) {
    const row = data.rows[index], name = element("bdi", {}, String(row[0]));
    const link = data.links[index] ? element("a", { href: "#" + data.links[index] }, name) : name;
    const made = element("tr", {}, element("th", { scope: "row" }, link));
    made.append(...row.slice(1).map((value, at) => cell(value, at + 1)));
    return made;
  }

  function show() {
    const last = Math.min(first + data.page, found.length);
    body.replaceChildren(...found.slice(first, last).map(line));
    box.querySelector(".pager").hidden = found.length <= data.page;
    back.disabled = first === 0;
    next.disabled = last >= found.length;
    const sorted = column === null ? "" :
      `, by ${heads[column].textContent}, ${direction > 0 ? "lowest" : "highest"} first`;
    const shown = found.length ? `${(first + 1).toLocaleString("en")} to ${last.toLocaleString("en")} of ` : "";
    status.textContent = `${shown}${found.length.toLocaleString("en")} rows${sorted}`;
    box.querySelector(".scroller").scrollTop = 0;
  }

  function filter() {
    const wanted = search.value.toLowerCase();
    found = wanted ? order.filter((i) => String(data.rows[i][0]).toLowerCase().includes(wanted)) : order;
    first = 0;
    show();
  }

  function sort(by) {
    direction = by === column ? -direction : 1;
    column = by;
    order = data.rows.map((_, index) => index).sort((i, j) => {
      const a = data.rows[i][by], b = data.rows[j][by];
      if (a === null || b === null) return (a === null) - (b === null) || i - j;
      return direction * compare(a, b) || i - j;
    });
    heads.forEach((head, at) => head.setAttribute("aria-sort",
      at !== by ? "none" : direction > 0 ? "ascending" : "descending"));
    filter();
  }

  heads.forEach((head, at) => head.querySelector("button").addEventListener("click", () => sort(at)));
  search.addEventListener("input", filter);
  back.addEventListener("click", () => { first = Math.max(0, first - data.page); show(); });
  next.addEventListener("click", () => { first += data.page; show(); });
  box.querySelector(".tools").hidden = false;
  show();
}

/* Players: both versions run from one clock, and one of them is audible. */

let context = null;
let playing = null;

function samplesOf(audio) {
  const coded = atob(audio.src.slice(audio.src.indexOf(",") + 1));
  const bytes = Uint8Array.from(coded, (letter) => letter.charCodeAt(0));
  return context.decodeAudioData(bytes.buffer);
}

class Player {
  constructor(example) {
    this.group = example.querySelector(".player");
    this.audios = [...example.querySelectorAll("audio")];
    this.frame = example.querySelector(".timeline");
    this.button = this.group.querySelector(".play");
    this.seeker = this.group.querySelector(".seek");
    this.radios = [...this.group.querySelectorAll("input[type=radio]")];
    this.clock = this.group.querySelector("output");
    this.playhead = element("div", { className: "playhead" });
    this.position = 0;
    this.sources = null;
    this.seconds = Number(this.group.dataset.seconds);
    this.seeker.max = this.seconds;
    this.frame.append(this.playhead);
    this.listen(example);
    this.group.hidden = false;
    this.draw();
  }

  listen(example) {
    this.button.addEventListener("click", () => (this.sources ? this.pause() : this.play()));
    this.seeker.addEventListener("input", () => this.seek(Number(this.seeker.value)));
    this.radios.forEach((radio) => radio.addEventListener("change", () => this.mix()));
    example.addEventListener("keydown", (event) => {
      const version = { a: 0, b: 1 }[event.key.toLowerCase()];
      if (version === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
      this.radios[version].checked = true;
      this.mix();
    });
    this.frame.addEventListener("click", (event) => {
      const image = this.frame.querySelector("img").getBoundingClientRect();
      const [left, width] = this.span(image.width);
      this.seek((event.clientX - image.left - left) / width * this.seconds);
    });
    for (const audio of this.audios) {
      audio.addEventListener("play", () => {
        if (playing) playing.pause();
        this.audios.filter((other) => other !== audio).forEach((other) => other.pause());
      });
    }
  }

  span(shown) {
    const image = this.frame.querySelector("img");
    const scale = shown / image.getAttribute("width");
    const left = this.frame.dataset.left * scale;
    return [left, shown - left - this.frame.dataset.right * scale];
  }

  async play() {
    context = context || new AudioContext();
    await context.resume();
    this.buffers = this.buffers || await Promise.all(this.audios.map(samplesOf));
    if (playing) playing.pause();
    this.audios.forEach((audio) => audio.pause());
    if (this.position >= this.seconds - 0.02) this.position = 0;
    this.begun = context.currentTime + 0.02 - this.position;
    this.gains = this.buffers.map(() => new GainNode(context, { gain: 0 }));
    this.sources = this.buffers.map((buffer, at) => {
      const source = new AudioBufferSourceNode(context, { buffer });
      source.connect(this.gains[at]).connect(context.destination);
      source.start(this.begun + this.position, this.position);
      return source;
    });
    playing = this;
    this.button.textContent = "Pause";
    this.mix();
    this.tick();
  }

  mix() {
    if (!this.sources) return;
    this.gains.forEach((gain, at) =>
      gain.gain.setTargetAtTime(this.radios[at].checked ? 1 : 0, context.currentTime, 0.004));
  }

  pause() {
    if (!this.sources) return;
    this.sources.forEach((source) => source.stop());
    this.sources = playing = null;
    this.button.textContent = "Play";
  }

  async seek(seconds) {
    const running = Boolean(this.sources);
    this.pause();
    this.position = Math.min(Math.max(seconds, 0), this.seconds);
    this.draw();
    if (running) await this.play();
  }

  tick() {
    if (!this.sources) return;
    this.position = Math.max(0, context.currentTime - this.begun);
    if (this.position >= this.seconds) {
      this.position = this.seconds;
      this.pause();
    }
    this.draw();
    requestAnimationFrame(() => this.tick());
  }

  draw() {
    const image = this.frame.querySelector("img");
    const [left, width] = this.span(image.clientWidth);
    const x = left + width * this.position / this.seconds;
    this.playhead.style.left = `${x}px`;
    if (this.sources && (x < this.frame.scrollLeft || x > this.frame.scrollLeft + this.frame.clientWidth - 20)) {
      this.frame.scrollLeft = x - 60;
    }
    this.seeker.value = this.position;
    this.seeker.setAttribute("aria-valuetext", `${this.position.toFixed(1)} seconds`);
    this.clock.textContent = `${this.position.toFixed(1)} / ${this.seconds.toFixed(1)} s`;
  }
}

document.querySelectorAll(".sortable").forEach(makeSortable);
const players = [...document.querySelectorAll(".example")].map((example) => new Player(example));
window.addEventListener("resize", () => players.forEach((player) => player.draw()));
