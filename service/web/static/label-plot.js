// One spectrum, big, for those who label: Hα over its continuum, or more of it where that was fetched.
import { air, C_KMS, drawLines, HALPHA, smoothed, style } from "./spectra.js";

const { uPlot } = globalThis; // vendor/uPlot.iife.min.js, which the page loads before this

const LEAST_SPAN = 0.15; // of the continuum at least, or noise would look like lines
const AXES = { vacuum: "Wavelength in vacuum (Å)", air: "Wavelength in air (Å)", velocity: "Velocity from Hα (km/s)" };
export const HBETA = [4763, 4963]; // vacuum Å

export class Plot {
  constructor(place, readout) {
    this.place = place;
    this.readout = readout;
    this.plot = null;
    this.made = "";
    this.view = {};
    new ResizeObserver(() => this.plot && this.plot.width !== place.clientWidth && this.again()).observe(place);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { this.made = ""; this.again(); });
  }

  again() { if (this.spectrum) this.show(this.spectrum, this.view); }

  across(wavelength) {
    if (this.view.axis === "air") return air(wavelength);
    return this.view.axis === "velocity" ? C_KMS * (wavelength / HALPHA - 1) : wavelength;
  }

  // spectrum: {wave, flux, expected, epochs: [flux, …]}; view: {axis, smooth, residual, between, whole}
  show(spectrum, view) {
    this.spectrum = spectrum;
    this.view = view;
    const flux = smoothed(spectrum.flux, view.smooth);
    const under = spectrum.expected ?? flux.map(() => null);
    const residual = view.residual && spectrum.expected;
    const seen = residual ? flux.map((value, at) => (value === null || under[at] === null ? null : 1 + value - under[at])) : flux;
    const others = (spectrum.epochs ?? []).map((epoch) => smoothed(epoch, view.smooth));
    const data = [spectrum.wave.map((wavelength) => this.across(wavelength)), seen, residual ? flux.map(() => null) : under, ...others];
    const ends = (view.between ?? [spectrum.wave[0], spectrum.wave.at(-1)]).map((edge) => this.across(edge));
    this.limits = this.span(data, ends);
    const make = JSON.stringify([view.axis, residual, others.length, this.place.clientWidth, this.place.clientHeight]);
    if (make === this.made) this.plot.setData(data);
    else this.create(data, residual);
    this.made = make;
    this.plot.setScale("x", { min: ends[0], max: ends[1] });
    this.place.setAttribute("aria-label", `Spectrum of ${spectrum.name}`);
  }

  create(data, residual) {
    this.plot?.destroy();
    const line = style("--line"), soft = style("--soft");
    const axis = (title) => ({
      stroke: soft, label: title, labelSize: 20, labelFont: "12px system-ui, sans-serif", font: "12px system-ui, sans-serif",
      grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1 }, size: 34,
    });
    const minus = (_, ticks) => ticks.map((tick) => String(tick).replace("-", "−"));
    const other = { stroke: style("--link"), width: 1, alpha: 0.55, points: { show: false } };
    this.plot = new uPlot({
      width: this.place.clientWidth, height: this.place.clientHeight,
      scales: { x: { time: false }, y: { range: () => this.limits } },
      series: [{}, { stroke: style("--ink"), width: 1.6, points: { show: false } },
        { stroke: style("--accent"), width: 1.3, points: { show: false } }, ...data.slice(3).map(() => other)],
      axes: [{ ...axis(AXES[this.view.axis]), values: minus }, { ...axis(residual ? "Flux − expected + 1" : "Flux / continuum"), size: 56, values: minus }],
      cursor: { drag: { x: true, y: false }, y: false },
      legend: { show: false },
      hooks: { drawAxes: [(u) => { this.level(u); drawLines(u, (wavelength) => this.across(wavelength)); }], setCursor: [(u) => this.say(u)] },
    }, data, this.place);
  }

  // The ends of the flux axis; the continuum is always in the picture.
  span([x, ...all], [first, last]) {
    const seen = [1];
    for (const series of all) {
      series.forEach((value, at) => { if (value !== null && value !== undefined && x[at] >= first && x[at] <= last) seen.push(value); });
    }
    seen.sort((a, b) => a - b);
    const cut = this.view.whole ? Math.floor(seen.length / 500) : 0;
    const [low, high] = [Math.min(1, seen[cut]), Math.max(1, seen[seen.length - 1 - cut])];
    const missing = Math.max(0, LEAST_SPAN - (high - low)) / 2 + 0.06 * (high - low);
    return [low - missing, high + missing];
  }

  level(u) {
    const y = u.valToPos(1, "y", true);
    u.ctx.save();
    u.ctx.strokeStyle = style("--soft");
    u.ctx.globalAlpha = 0.5;
    u.ctx.beginPath();
    u.ctx.moveTo(u.bbox.left, y);
    u.ctx.lineTo(u.bbox.left + u.bbox.width, y);
    u.ctx.stroke();
    u.ctx.restore();
  }

  say(u) {
    const at = u.cursor.idx;
    const flux = u.data[1][at];
    if (at === null || at === undefined || flux === null || flux === undefined) { this.readout.textContent = ""; return; }
    const wavelength = this.spectrum.wave[at];
    const velocity = C_KMS * (wavelength / HALPHA - 1);
    const parts = [`${wavelength.toFixed(1)} Å in vacuum`, `${air(wavelength).toFixed(1)} Å in air`, `flux ${flux.toFixed(3)}`];
    if (Math.abs(velocity) < 8000) parts.push(`${velocity.toFixed(0)} km/s from Hα`);
    this.readout.textContent = parts.join(" · ").replaceAll("-", "−");
  }
}
