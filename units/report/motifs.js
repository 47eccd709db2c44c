"use strict";

const motifs = [...document.querySelectorAll(".motif")];
const box = document.querySelector(".tagging");
const inputOf = (motif) => motif.querySelector(".tag input");

/* Tags of unit sequences. The browser keeps them per model, including those of motifs that are not on this page. */

const kind = box && box.dataset.kind;  // motif or term: the field that holds its number in a record
const place = box && `${kind === "term" ? "su-discover" : "su-bpe motifs"} ${box.dataset.model}`;
const status = box && box.querySelector("output");
let tags = new Map();  // units as text -> record
let kept = true, downloaded = true;

function isRecord(value) {
  return typeof value === "object" && value !== null && typeof value.tag === "string" &&
    Array.isArray(value.units) && value.units.length > 0 && value.units.every((unit) => Number.isInteger(unit));
}

function put(record) {
  const units = record.units.join(" ");
  if (record.tag.trim()) tags.set(units, { [kind]: record[kind], units: record.units, tag: record.tag.trim() });
  else tags.delete(units);
}

function recall() {
  try {
    const found = JSON.parse(localStorage.getItem(place) || "[]").filter(isRecord);
    tags = new Map();
    found.forEach(put);
  } catch {
    kept = false;
  }
}

function keep() {
  downloaded = false;
  try {
    localStorage.setItem(place, JSON.stringify([...tags.values()]));
    kept = true;
  } catch {
    kept = false;
  }
}

function report(message = "") {
  const here = motifs.filter((motif) => tags.has(motif.dataset.units)).length;
  const others = tags.size - here;
  const parts = [`${here} of ${motifs.length} tagged`];
  if (others) parts.push(`${others} more for ${kind}s that are not on this page`);
  if (!kept) parts.push("this browser cannot keep tags: download them before you leave");
  if (message) parts.push(message);
  status.textContent = parts.join("; ");
}

function show(message) {
  for (const motif of motifs) {
    const tag = tags.has(motif.dataset.units) ? tags.get(motif.dataset.units).tag : "";
    if (inputOf(motif) !== document.activeElement) inputOf(motif).value = tag;
  }
  const known = [...new Set([...tags.values()].map((record) => record.tag))].sort();
  document.getElementById("tags").replaceChildren(...known.map((tag) => new Option(tag, tag)));
  report(message);
}

function typed(motif) {
  if (kept) recall();  // another window of this page may have changed them
  const units = motif.dataset.units.split(" ").map(Number);
  put({ [kind]: Number(motif.dataset.motif), units, tag: inputOf(motif).value });
  keep();
  report();
}

function records() {
  const shown = motifs.map((motif) => motif.dataset.units).filter((units) => tags.has(units));
  return [...new Set([...shown, ...tags.keys()])].map((units) => tags.get(units));
}

function download() {
  const lines = records().map((record) => JSON.stringify(record) + "\n").join("");
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([lines], { type: "application/x-ndjson" }));
  link.download = "tags.jsonl";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  downloaded = true;
  report(`${tags.size} downloaded`);
}

async function load(file) {
  const read = [];
  for (const [at, line] of (await file.text()).split("\n").entries()) {
    if (!line.trim()) continue;
    let record = null;
    try { record = JSON.parse(line); } catch { /* reported below */ }
    if (!isRecord(record)) return report(`${file.name}:${at + 1}: no tag in this line; nothing was loaded`);
    read.push(record);
  }
  read.forEach(put);
  keep();
  return show(`${read.length} loaded`);
}

/* Voices: the motif alone or with context, one at a time. */

const GAP = 0.25;  // s between voices
let context = null, playing = null, turn = 0;

async function samplesOf(voice) {
  const coded = atob(voice.dataset.sound);
  const bytes = Uint8Array.from(coded, (letter) => letter.charCodeAt(0));
  return context.decodeAudioData(bytes.buffer);
}

function stop() {
  turn += 1;
  if (playing) playing.stop();
}

async function play(voice) {
  stop();
  const mine = turn;
  context = context || new AudioContext();
  await context.resume();
  voice.samples = voice.samples || await samplesOf(voice);
  if (turn !== mine) return false;
  const whole = box.querySelector(".around").checked;
  const [from, to] = whole ? [0, voice.samples.duration] : [Number(voice.dataset.from), Number(voice.dataset.to)];
  const source = new AudioBufferSourceNode(context, { buffer: voice.samples });
  source.connect(context.destination);
  const ended = new Promise((resolve) => source.addEventListener("ended", resolve));
  source.start(0, from, to - from);
  playing = source;
  voice.classList.add("playing");
  await ended;
  voice.classList.remove("playing");
  if (playing === source) playing = null;
  return turn === mine;
}

async function playAll(motif) {
  for (const voice of motif.querySelectorAll(".voice")) {
    if (!await play(voice)) return;
    const mine = turn;
    await new Promise((resolve) => setTimeout(resolve, 1000 * GAP));
    if (turn !== mine) return;
  }
}

/* One motif is current. Keys act on it. */

let current = null;

function mark(motif) {
  if (current) current.removeAttribute("aria-current");
  current = motif;
  motif.setAttribute("aria-current", "true");
}

function go(to) {
  const motif = motifs[Math.min(Math.max(to, 0), motifs.length - 1)];
  mark(motif);
  motif.focus({ preventScroll: true });
  motif.scrollIntoView({ block: "nearest" });
}

function press(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  const at = motifs.indexOf(current), key = event.key.toLowerCase();
  if (event.target.matches("input[type=text]")) {
    if (key === "enter") go(at + 1);
    else if (key === "escape") go(at);
    else return;
  } else if (key === "j" || key === "k") go(at + (key === "j" ? 1 : -1));
  else if (key === "c") box.querySelector(".around").click();
  else if (key === "t") inputOf(current).focus();
  else if (key === " " && !event.target.matches("button, input, a")) {
    if (playing) stop();
    else playAll(current);
  } else if (/^[1-9]$/.test(key)) {
    const voice = current.querySelectorAll(".voice")[key - 1];
    if (voice) play(voice);
  } else return;
  event.preventDefault();
}

if (box) {
  motifs.forEach((motif) => {
    motif.addEventListener("focusin", () => mark(motif));
    motif.addEventListener("pointerdown", () => mark(motif));
    inputOf(motif).addEventListener("input", () => typed(motif));
    inputOf(motif).addEventListener("change", () => show());
    motif.querySelectorAll(".voice").forEach((voice) => voice.addEventListener("click", () => play(voice)));
  });
  mark(motifs[0]);
  document.addEventListener("keydown", press);
  box.querySelector(".download").addEventListener("click", download);
  box.querySelector(".load").addEventListener("change", (event) => {
    if (event.target.files.length) load(event.target.files[0]);
    event.target.value = "";
  });
  window.addEventListener("storage", (event) => { if (event.key === place) { recall(); show(); } });
  window.addEventListener("beforeunload", (event) => { if (!kept && !downloaded) event.preventDefault(); });
  recall();
  show();
}
