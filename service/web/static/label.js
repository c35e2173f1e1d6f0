// Labelling: look, press a digit, look at the next. What comes next is here before it is asked for, and what was said
// goes up by itself; between a key and the next spectrum nothing is waited for.
import { HBETA, Plot } from "./label-plot.js";
import { Outbox } from "./outbox.js";
import { load } from "./spectra.js";

const page = document.getElementById("labelling");
const { api, queue, labeller } = page.dataset;
const $ = (id) => document.getElementById(id);
const plot = new Plot($("spectrum"), $("readout"));
const titles = Object.fromEntries([...page.querySelectorAll("[data-profile]")].map((button) => [button.dataset.profile, button.dataset.title]));

const AHEAD = 20; // spectra that are here before they are asked for
const PART = 8; // with so many more fetched at a time: what one holds, others do not get
const QUALITIES = { guess: 1, likely: 2, sure: 3 };

const ahead = []; // items to come
const behind = []; // {item, label} that were labelled, the last one last
const known = new Set(); // identifiers that are shown, to come or labelled here
const counts = {};
let current = null;
let shownAt = 0;
let quality = "sure";
let mark = ""; // what was looked at, of the spectrum that is shown
let progress = { size: Number(page.dataset.size), labelled: 0, mine: 0, as_of: 0 };
let moreBehind = true;
let filling = null;
let skipping = Promise.resolve();
let finished = false;

const kept = { axis: "vacuum", smooth: 0, residual: false, epochs: false, after: false }; // stays from one spectrum to the next
let range = "halpha"; // begins anew with each spectrum

// crypto.randomUUID is there for secure addresses only, and a service within an institute may have none
function uuid() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 15) | 64;
  bytes[8] = (bytes[8] & 63) | 128;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

async function ask(path) {
  const answer = await fetch(`${api}/${path}`, { headers: { Accept: "application/json" } });
  if (!answer.ok) throw new Error(answer.status === 404 ? "not found" : `answer ${answer.status}`);
  return answer.json();
}
const ofQueue = (path) => ask(`queues/${encodeURIComponent(queue)}/${path}`);
const ofSpectrum = (path, item) => ask(`${path}?did=${encodeURIComponent(item.publisher_did)}`);

// Addresses are those of the public name; this page may have been opened by another.
const here = (url) => url?.replace(page.dataset.public, page.dataset.home) ?? "";

// ---- what is there before it is asked for

async function fill() {
  if (filling || ahead.length >= AHEAD) return;
  filling = fetchMore();
  await filling;
  filling = null;
}

async function fetchMore() {
  try {
    await skipping;
    const n = Math.min(100, AHEAD + PART + outbox.waiting.length);
    const have = [current, ...ahead].filter(Boolean).map((item) => item.position);
    const found = await ofQueue(`next?n=${n}&have=${have.join(",")}`);
    asked = Date.now();
    hear(found.progress);
    const fresh = found.items.filter((item) => !known.has(item.publisher_did));
    for (const item of fresh) { known.add(item.publisher_did); ahead.push(item); }
    finished = !fresh.length;
    if (!current) show(ahead.shift() ?? null);
    else showProgress();
  } catch {
    if (!current) say("No connection, and nothing is left to look at; this page goes on when it is back.");
    setTimeout(fill, 5000);
  }
}

// What is here is held for a quarter of an hour from the last time one asked: ask in time, and after a long absence anew.
const RENEW_MS = 5 * 60e3;
const HELD_MS = 15 * 60e3;
let asked = Date.now();

async function renew() {
  if (filling || document.visibilityState !== "visible" || Date.now() - asked < RENEW_MS) return;
  if (Date.now() - asked > HELD_MS) {
    for (const item of ahead.splice(0)) known.delete(item.publisher_did); // others may have them by now
  }
  filling = fetchMore();
  await filling;
  filling = null;
}

// What a residual and other epochs need, for what is shown and the next few.
async function fetchExtras() {
  for (const item of [current, ...ahead.slice(0, 4)]) {
    if (!item) continue;
    try {
      if (kept.residual && item.expected === null && !item.asked) {
        item.asked = true;
        item.expected = (await ofSpectrum("expected", item)).expected;
        if (item === current) draw();
      }
      if (kept.epochs && !item.others) {
        item.others = (await ofSpectrum("epochs", item)).epochs;
        if (item === current) draw();
      }
    } catch {
      return; // without a connection the spectrum itself is what there is
    }
  }
}

// ---- showing

function draw() {
  const item = current;
  if (!item) return;
  const far = range !== "halpha" && item.whole;
  const view = { axis: kept.axis, smooth: kept.smooth, residual: kept.residual && !far, whole: range === "whole", between: far && range === "hbeta" ? HBETA : null };
  const epochs = kept.epochs && !far ? (item.others ?? []).map((epoch) => epoch.flux) : [];
  const shown = far ? { wave: item.whole.wavelength, flux: item.whole.flux, expected: null } : { wave: item.wave, flux: item.flux ?? item.wave.map(() => null), expected: item.expected };
  plot.show({ ...shown, epochs, name: item.name }, view);
  const remarks = [];
  if (!item.flux && !far) remarks.push("The pixels around Hα are not here: the file is gone or does not reach there.");
  if (kept.residual && !far && item.asked && !item.expected) remarks.push("No absorption is expected here: too few spectra are like it.");
  if (kept.epochs && !far && item.others) remarks.push(item.others.length ? `${item.others.length} other spectra of the star, ${item.others.map((epoch) => epoch.when).filter(Boolean).join(", ")}.` : "No other spectrum of this star.");
  $("remarks").textContent = remarks.join(" ");
  mark = [...new Set([...mark.split(" "), range, kept.axis, kept.residual && "residual", kept.epochs && "epochs", kept.smooth && `smooth-${kept.smooth}`].filter(Boolean))].join(" ");
  pressed();
}

function show(item) {
  current = item;
  range = "halpha";
  mark = "";
  quality = "sure";
  shownAt = performance.now();
  $("comment").value = item?.comment ?? "";
  $("comment-place").hidden = !item?.comment;
  $("prediction").textContent = "";
  const has = Boolean(item);
  page.classList.toggle("empty", !has);
  for (const button of page.querySelectorAll("[data-profile], [data-needs]")) button.disabled = !has;
  if (has) {
    $("name").textContent = item.name;
    $("page-link").href = here(item.page);
    $("page-link").hidden = !item.page;
    const facts = [item.survey, item.when, item.snr !== null && item.snr !== undefined ? `S/N ${item.snr.toFixed(0)}` : "", item.ra !== null ? `${item.ra.toFixed(4)} ${item.dec < 0 ? "−" : "+"}${Math.abs(item.dec).toFixed(4)}` : ""];
    $("facts").textContent = facts.filter(Boolean).join(" · ");
    draw();
  } else {
    const [title, remark] = Math.max(progress.labelled, mineSoFar()) >= progress.size ? ["All labelled", "Every spectrum of this queue has its label. Undo still works."]
      : finished ? ["Nothing more for you now", "The rest is labelled, or in the hands of others; what they leave comes here."] : ["Fetching the next …", ""];
    $("name").textContent = title;
    $("facts").textContent = "";
    $("remarks").textContent = remark;
  }
  showProgress();
  fetchExtras();
}

function next() {
  show(ahead.shift() ?? null);
  fill();
}

// How far the queue is, as the service says with every answer; one that was overtaken by a later one says nothing new.
function hear(found) {
  if (found && found.as_of >= progress.as_of) progress = found;
}

// Labels of this person, those that wait included.
function mineSoFar() {
  const unsent = outbox.waiting.map((record) => record.label).filter((label) => label.queue === queue);
  return Math.max(0, Math.min(progress.size, progress.mine + unsent.reduce((sum, label) => sum + (label.profile ? 1 : -1), 0)));
}

function showProgress() {
  const mine = mineSoFar();
  $("progress").max = progress.size;
  $("progress").value = Math.max(mine, progress.labelled);
  $("count").textContent = `${mine}/${progress.size}`;
  const others = Math.max(0, progress.started - progress.mine);
  $("others").textContent = others ? `and ${others} by others` : "";
  const tally = Object.entries(counts).filter(([, number]) => number).map(([profile, number]) => `${number} ${titles[profile]}`);
  $("tally").textContent = tally.length ? `In this visit: ${tally.join(", ")}.` : "";
}

const say = (text) => { $("said").textContent = text; };

function pressed() {
  const on = {
    halpha: range === "halpha", whole: range === "whole", hbeta: range === "hbeta", velocity: kept.axis === "velocity", air: kept.axis === "air",
    residual: kept.residual, epochs: kept.epochs, after: kept.after, comment: !$("comment-place").hidden,
    guess: quality === "guess", likely: quality === "likely", sure: quality === "sure", prediction: Boolean(current?.seen),
  };
  for (const button of page.querySelectorAll("[data-do][aria-pressed]")) button.setAttribute("aria-pressed", String(Boolean(on[button.dataset.do])));
  $("smoothing").textContent = kept.smooth ? `σ ${kept.smooth} px` : "not smoothed";
}

// ---- saying what it is

function made(item, more) {
  return {
    label_id: uuid(), queue, publisher_did: item.publisher_did, profile: "", quality: 3, comment: "", labelled_at: new Date().toISOString(),
    seconds: 0, blind: !item.seen, view: mark.slice(0, 200), undoes: "", ...more,
  };
}

function label(profile) {
  if (!current) return;
  const begun = performance.now();
  const item = current;
  const comment = $("comment").value.trim();
  const given = made(item, { profile, quality: QUALITIES[quality], comment, seconds: Math.round(begun - shownAt) / 1000 });
  item.comment = comment;
  behind.push({ item, label: given });
  counts[profile] = (counts[profile] ?? 0) + 1;
  outbox.add(given);
  $("last").textContent = `${item.name}: ${titles[profile]}${quality === "sure" ? "" : `, ${quality}`}`;
  $("last-model").textContent = "";
  next();
  performance.measure("label", { start: begun });
}

async function undo() {
  if (!behind.length && moreBehind) {
    try {
      const { labels } = await ofQueue("earlier?n=20");
      const present = new Set([current, ...ahead].map((item) => item?.publisher_did)); // taken back already
      const older = labels.filter(({ label: given }) => !present.has(given.publisher_did));
      moreBehind = false;
      for (const { label: given, item } of older.reverse()) {
        known.add(item.publisher_did);
        behind.push({ item: { ...item, seen: true, comment: given.comment }, label: given }); // whether the prediction was seen then, nobody knows
        moreBehind = true;
      }
    } catch {
      say("Older labels need a connection.");
      return;
    }
  }
  const last = behind.pop();
  if (!last) { say("Nothing is left to undo."); return; }
  if (current) ahead.unshift(current);
  const { item, label: given } = last;
  outbox.add(made(item, { undoes: given.label_id }));
  if (counts[given.profile]) counts[given.profile] -= 1;
  show(item);
  say(`Taken back: ${titles[given.profile]}.`);
  $("last").textContent = behind.length ? `${behind.at(-1).item.name}: ${titles[behind.at(-1).label.profile]}` : "–";
  $("last-model").textContent = "";
}

function skip() {
  if (!current) return;
  const item = current;
  known.delete(item.publisher_did);
  skipping = fetch(`${api}/queues/${encodeURIComponent(queue)}/skip`, {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ publisher_did: item.publisher_did }),
  }).catch(() => say("Without a connection a skipped spectrum comes back sooner."));
  say(`Skipped ${item.name}: it comes again at the end.`);
  next();
}

async function predict() {
  const item = current;
  if (!item) return;
  item.seen = true; // from the moment it is asked for
  pressed();
  try {
    const found = await ofSpectrum("prediction", item);
    if (item === current) $("prediction").textContent = `The network says ${found.label}, P(emission) ${found.score.toFixed(3)}. This label will not count as blind.`;
  } catch {
    if (item === current) $("prediction").textContent = "The network has not classified this spectrum, or there is no connection.";
  }
}

function toldAfter(predictions) {
  const last = behind.at(-1);
  const found = last && predictions[last.item.publisher_did];
  if (!kept.after || !found) return;
  last.item.seen = true; // who comes back to it is not blind
  $("last-model").textContent = ` – the network says ${found.label}, P(emission) ${found.score.toFixed(3)}`;
}

// ---- what the labels tell so far

const percent = (value) => `${(100 * value).toFixed(value < 0.0995 ? 1 : 0)} %`;
let telling = 0;

function tell() { // soon, and once for many labels
  clearTimeout(telling);
  telling = setTimeout(showEstimates, 700);
}

async function showEstimates() {
  let found;
  try { found = await ofQueue("estimates"); } catch { return; } // it is told after the next labels
  const figures = [];
  for (const name of found.estimates ? ["precision", "completeness", "prevalence"] : []) {
    const { value, interval } = found.estimates[name];
    figures.push([name, value === null ? "not known yet" : `${percent(value)} (${percent(interval[0])} to ${percent(interval[1])})`]);
  }
  if (!found.estimates && found.gain.of) figures.push(["against the network", `${found.gain.contradicting} of the last ${found.gain.of} labels`]);
  $("figures").replaceChildren(...figures.flatMap(([name, text]) => {
    const pair = [document.createElement("dt"), document.createElement("dd")];
    [pair[0].textContent, pair[1].textContent] = [name, text];
    return pair;
  }));
  $("stop").textContent = found.stop.because ? `${found.stop.stop ? "Enough" : "Go on"}: ${found.stop.because}.` : "";
}

// ---- keys and buttons: one table

async function far(name) {
  const item = current;
  if (!item) return;
  range = range === name ? "halpha" : name;
  if (range !== "halpha" && !item.whole) {
    if (!item.products.normalized) { range = "halpha"; say("The file of this spectrum is not here."); return; }
    say("Fetching the whole spectrum …");
    try { item.whole = await load(here(item.products.normalized)); say(""); } catch { range = "halpha"; say("The whole spectrum cannot be had now."); }
  }
  if (item === current) draw();
}

const keep = (change) => () => { change(); draw(); localStorage.setItem("vo-emline-label-view", JSON.stringify(kept)); fetchExtras(); };
const sure = (name) => () => { quality = name; pressed(); };

const actions = {
  undo, skip,
  comment: () => { $("comment-place").hidden = false; $("comment").focus(); pressed(); },
  guess: sure("guess"), likely: sure("likely"), sure: sure("sure"),
  prediction: predict,
  after: keep(() => { kept.after = !kept.after; $("last-model").textContent = ""; }),
  halpha: () => { range = "halpha"; draw(); },
  whole: () => far("whole"),
  hbeta: () => far("hbeta"),
  velocity: keep(() => { kept.axis = kept.axis === "velocity" ? "vacuum" : "velocity"; }),
  air: keep(() => { kept.axis = kept.axis === "air" ? "vacuum" : "air"; }),
  residual: keep(() => { kept.residual = !kept.residual; }),
  epochs: keep(() => { kept.epochs = !kept.epochs; }),
  smoother: keep(() => { kept.smooth = Math.min(10, kept.smooth + 1); }),
  sharper: keep(() => { kept.smooth = Math.max(0, kept.smooth - 1); }),
  help: () => { const help = $("help"); if (help.open) help.close(); else help.showModal(); },
};
const KEYS = Object.fromEntries([...document.querySelectorAll("[data-do][data-key]")].flatMap((button) => button.dataset.key.split(" ").map((key) => [key === "Space" ? " " : key, button.dataset.do])));
const DIGITS = Object.fromEntries([...page.querySelectorAll("[data-profile]")].map((button) => [button.dataset.key, button.dataset.profile]));

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target === $("comment")) {
    if (event.key === "Enter" || event.key === "Escape") { event.preventDefault(); if (event.key === "Escape") $("comment").value = ""; $("comment").blur(); }
    return;
  }
  if (event.target.closest("input, textarea, select")) return;
  if ($("help").open && event.key !== "?") return;
  if (event.key === " " && event.target.closest("button, a, summary")) return; // there it presses what has the focus
  const profile = DIGITS[event.key];
  const name = KEYS[event.key];
  if (!profile && !name) return;
  event.preventDefault();
  if (event.repeat && (profile || name === "undo" || name === "skip")) return; // a key that is held down says it once
  say("");
  if (profile) label(profile);
  else actions[name]();
});
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-do], [data-profile]");
  if (!button || button.disabled) return;
  if (event.detail) button.blur(); // or the space bar would press it again
  say("");
  if (button.dataset.profile) label(button.dataset.profile);
  else actions[button.dataset.do]();
});
$("page-link").addEventListener("click", () => { if (current) { current.seen = true; pressed(); } }); // the page says what the network thinks
$("comment").addEventListener("blur", () => { $("comment-place").hidden = !$("comment").value; pressed(); });

// ---- begin

const outbox = new Outbox({
  url: `${api}/labels`, owner: `${new URL(api, location.href).pathname} ${labeller}`,
  told({ waiting, refused, problem, stored, predictions, progress: found }) {
    $("sending").textContent = [waiting ? `${waiting} ${waiting === 1 ? "label waits" : "labels wait"} here.` : "Everything is stored.", problem, refused.length ? `${refused.length} refused: ${refused.at(-1).error}` : ""].filter(Boolean).join(" ");
    $("sending").classList.toggle("note", Boolean(problem || refused.length));
    if (stored) {
      hear(found?.[queue]);
      toldAfter(predictions);
      tell();
    }
    if (current) showProgress();
    else show(null); // it may be the last that was waited for
  },
});

async function begin() {
  try { Object.assign(kept, JSON.parse(localStorage.getItem("vo-emline-label-view") ?? "{}")); } catch { /* what was kept is no JSON: begin as new */ }
  const undone = new Set();
  const left = await outbox.open();
  for (const given of left) if (given.undoes) undone.add(given.undoes);
  for (const given of left) if (given.queue === queue && given.profile && !undone.has(given.label_id)) known.add(given.publisher_did);
  await fill();
  if (!current) show(null);
  showEstimates();
  setInterval(() => { if (!current || !finished) fill(); }, 15000);
  setInterval(renew, 60e3);
  document.addEventListener("visibilitychange", renew);
  addEventListener("online", () => fill());
}

begin();
