// The spectrum, alive: zoom, cursor, error band, smoothing, velocities, lines. Without it the picture stays.
import { air, C_KMS, drawLines, HALPHA, HALPHA_WINDOW, load, smoothed, style } from "./spectra.js";

const { uPlot } = globalThis; // vendor/uPlot.iife.min.js, which the page loads before this

const place = document.getElementById("spectrum");
const controls = document.getElementById("spectrum-controls");
const readout = document.getElementById("spectrum-readout");
const state = { flux: "normalized", axis: "vacuum", smooth: 0, lines: true, rest: false, error: true, epochs: false, residual: false };
const data = {};
const rv = Number(place.dataset.rv || 0);
let plot = null;
let expected = null;
let others = null; // spectra of other times, once they are asked for

// A spectrum at the wavelengths of another, by straight lines between its pixels.
function resampled(spectrum, wavelengths) {
  const { wavelength, flux } = spectrum;
  let at = 0;
  return wavelengths.map((wanted) => {
    while (at < wavelength.length - 2 && wavelength[at + 1] < wanted) at += 1;
    const [low, high] = [flux[at], flux[at + 1]];
    const part = (wanted - wavelength[at]) / (wavelength[at + 1] - wavelength[at]);
    return low === null || high === null || !(part >= 0 && part <= 1) ? null : low + part * (high - low);
  });
}

async function toggleEpochs() {
  if (!others) {
    const asked = JSON.parse(place.dataset.epochs);
    const loaded = await Promise.allSettled(asked.map((epoch) => load(epoch.url)));
    others = loaded.flatMap((found, at) => (found.status === "fulfilled" ? [{ ...found.value, when: asked[at].when }] : []));
  }
  state.epochs = !state.epochs;
  if (state.epochs && state.flux !== "normalized") await choose("normalized");
  const said = document.getElementById("other-times");
  said.textContent = !state.epochs ? "" : others.length ?
    `Blue: the star on ${others.map((epoch) => epoch.when).join(", ")}.` : "No spectrum of another time can be shown.";
}

const shift = () => (state.rest ? 1 / (1 + rv / C_KMS) : 1);

function across(wavelength) {
  const shifted = wavelength * shift();
  if (state.axis === "air") return air(shifted);
  return state.axis === "velocity" ? C_KMS * (shifted / HALPHA - 1) : shifted;
}

const AXES = { vacuum: "Wavelength in vacuum (Å)", air: "Wavelength in air (Å)", velocity: "Velocity from Hα (km/s)" };

function limits(u, low, high) {
  const [first, last] = u.series[0].idxs ?? [0, u.data[0].length - 1];
  const seen = u.data[1].slice(first, last + 1).filter((value) => value !== null).sort((a, b) => a - b);
  if (!seen.length) return [0, 1];
  const cut = Math.floor(seen.length / 500);
  let [least, most] = [seen[cut], seen[seen.length - 1 - cut]];
  if (last - first < 600) [least, most] = [seen[0], seen[seen.length - 1]];
  for (const value of u.data[4].slice(first, last + 1)) { // what is expected belongs into the picture
    if (value !== null) [least, most] = [Math.min(least, value), Math.max(most, value)];
  }
  const margin = 0.06 * (most - least) || 1;
  return [least - margin, most + margin];
}

function show(u) {
  const at = u.cursor.idx;
  if (at === null || at === undefined || u.data[1][at] === undefined) { readout.textContent = readout.dataset.idle; return; }
  const source = data[state.flux];
  const wavelength = source.wavelength[at];
  const error = source.error?.[at];
  const velocity = C_KMS * (wavelength * shift() / HALPHA - 1);
  const parts = [`${wavelength.toFixed(2)} Å in vacuum`, `${air(wavelength).toFixed(2)} Å in air`,
    `flux ${source.flux[at] === null ? "bad" : source.flux[at].toPrecision(4)}${Number.isFinite(error) && error > 0 ? ` ± ${error.toPrecision(2)}` : ""}`];
  if (Math.abs(velocity) < 5000) parts.push(`${velocity.toFixed(0)} km/s from Hα`);
  readout.textContent = parts.join(" · ").replaceAll("-", "−");
}

function draw(range) {
  const source = data[state.flux];
  const kept = range ?? (plot && [plot.scales.x.min, plot.scales.x.max]);
  plot?.destroy();
  const ink = style("--ink"), soft = style("--soft"), line = style("--line"), accent = style("--accent");
  const x = source.wavelength.map(across);
  const template = state.flux === "normalized" && expected ? source.wavelength.map((wavelength) => {
    const at = expected.wavelength.indexOf(wavelength);
    return at < 0 ? null : expected.flux[at];
  }) : source.flux.map(() => null);
  const residual = state.residual && state.flux === "normalized" && expected;
  const left = (value, at) => (!residual ? value : value === null || template[at] === null ? null : 1 + value - template[at]);
  const flux = smoothed(source.flux, state.smooth).map(left);
  const side = (sign) => source.flux.map((value, at) => {
    const error = source.error?.[at];
    return state.error && value !== null && Number.isFinite(error) && error > 0 ? left(value + sign * error, at) : null;
  });
  const axis = (title) => ({
    stroke: soft, label: title, labelSize: 22, labelFont: "12px system-ui, sans-serif", font: "12px system-ui, sans-serif",
    grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1 },
  });
  const beside = state.epochs && !residual && state.flux === "normalized" ? others : [];
  plot = new uPlot({
    width: place.clientWidth, height: Math.max(260, Math.min(440, 0.5 * place.clientWidth)),
    scales: { x: { time: false }, y: { range: limits } },
    series: [{}, { stroke: ink, width: 1.1, points: { show: false } }, { stroke: "transparent", points: { show: false } },
      { stroke: "transparent", points: { show: false } }, { stroke: accent, width: 1.2, points: { show: false } },
      ...beside.map((_, at) => ({ stroke: style("--link"), width: 1, dash: at ? [2 + 2 * at, 3] : [], points: { show: false } }))],
    bands: [{ series: [2, 3], fill: `color-mix(in srgb, ${style("--link")} 22%, transparent)` }],
    axes: [{ ...axis(AXES[state.axis]), values: (_, ticks) => ticks.map((tick) => String(tick).replace("-", "−")) }, { ...axis(residual ? "Flux − expected + 1" : state.flux === "normalized" ? "Flux / continuum" : "Flux as observed"), size: 62 }],
    cursor: { drag: { x: true, y: false }, y: false },
    legend: { show: false },
    hooks: { drawClear: [], drawAxes: [(u) => state.lines && drawLines(u, (wavelength) => across(state.rest ? wavelength / shift() : wavelength), across)], setCursor: [show] },
  }, [x, flux, side(1), side(-1), residual ? template.map(() => null) : template, ...beside.map((epoch) => smoothed(resampled(epoch, source.wavelength), state.smooth))], place);
  if (kept && kept[0] < kept[1]) plot.setScale("x", { min: kept[0], max: kept[1] });
}

const window_ = (edges) => draw(edges.map(across));
const whole = () => { const all = data[state.flux].wavelength; window_([all[0], all[all.length - 1]]); };

async function choose(flux) {
  try {
    data[flux] ??= await load(place.dataset[flux]);
    state.flux = flux;
    return true;
  } catch (error) {
    readout.textContent = `The flux ${error.message}.`;
    return false;
  }
}

function restate(change) {
  const seen = plot ? [plot.scales.x.min, plot.scales.x.max] : null;
  const x = plot?.data[0];
  const near = (value) => x.reduce((best, item, at) => (Math.abs(item - value) < Math.abs(x[best] - value) ? at : best), 0);
  const edges = seen?.map((value) => data[state.flux].wavelength[near(value)]);
  change();
  draw(edges?.map(across));
}

const actions = {
  halpha: () => window_(HALPHA_WINDOW),
  whole,
  flux: async () => { const range = [plot.scales.x.min, plot.scales.x.max]; if (await choose(state.flux === "normalized" ? "raw" : "normalized")) draw(range); },
  axis: () => restate(() => { const names = Object.keys(AXES); state.axis = names[(names.indexOf(state.axis) + 1) % names.length]; }),
  smoother: () => restate(() => { state.smooth = Math.min(10, state.smooth + 1); }),
  sharper: () => restate(() => { state.smooth = Math.max(0, state.smooth - 1); }),
  lines: () => restate(() => { state.lines = !state.lines; }),
  rest: () => restate(() => { state.rest = !state.rest; }),
  error: () => restate(() => { state.error = !state.error; }),
  residual: async () => {
    if (!expected) return;
    const range = [plot.scales.x.min, plot.scales.x.max];
    state.residual = !state.residual;
    if (state.residual && state.flux !== "normalized") await choose("normalized");
    draw(range);
  },
  epochs: async () => { const range = [plot.scales.x.min, plot.scales.x.max]; await toggleEpochs(); draw(range); },
};
const KEYS = { h: "halpha", w: "whole", r: "flux", v: "axis", s: "smoother", d: "sharper", l: "lines", e: "error", z: "rest", x: "residual", ...(place.dataset.epochs !== "[]" && { o: "epochs" }) };

function mark() {
  const pressed = { flux: state.flux === "raw", lines: state.lines, rest: state.rest, error: state.error, epochs: state.epochs, residual: state.residual };
  for (const button of controls.querySelectorAll("button")) {
    const name = button.dataset.action;
    if (name in pressed) button.setAttribute("aria-pressed", pressed[name]);
    if (name === "axis") button.textContent = { vacuum: "Vacuum Å", air: "Air Å", velocity: "km/s" }[state.axis];
    if (name === "sharper") button.disabled = !state.smooth;
  }
  controls.querySelector("[data-smooth]").textContent = state.smooth ? `σ ${state.smooth} px` : "not smoothed";
}

let turn = Promise.resolve(); // what was asked first is done first, also while a flux is still on its way

function act(name) {
  turn = turn.then(async () => { await actions[name](); mark(); });
}

async function begin() {
  if (!(await choose("normalized")) && !(await choose("raw"))) return;
  document.getElementById("plot").hidden = false;
  draw();
  const all = data[state.flux].wavelength;
  if (all[0] < HALPHA && all[all.length - 1] > HALPHA) actions.halpha();
  readout.textContent = readout.dataset.idle;
  mark();
  controls.addEventListener("click", (event) => { const name = event.target.dataset?.action; if (name) act(name); });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select")) return;
    if (KEYS[event.key]) act(KEYS[event.key]);
  });
  new ResizeObserver(() => plot.setSize({ width: place.clientWidth, height: plot.height })).observe(place);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => draw());
  place.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.shiftKey) return;
    event.preventDefault();
    const at = plot.posToVal(event.offsetX - plot.bbox.left / devicePixelRatio, "x");
    const factor = event.deltaY < 0 ? 0.8 : 1.25;
    plot.setScale("x", { min: at - (at - plot.scales.x.min) * factor, max: at + (plot.scales.x.max - at) * factor });
  }, { passive: false });
  const answer = await fetch(place.dataset.expected);
  if (answer.ok) {
    const found = await answer.json();
    if (found.wavelength.length) {
      expected = found;
      controls.querySelector("[data-action=residual]").hidden = false;
      document.getElementById("expected").textContent = `Red: the absorption expected, the median of ${found.members} spectra ${found.kind}.`;
      draw();
    }
  }
}

begin();
