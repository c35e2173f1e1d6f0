// What every plot of a spectrum knows: lines and bands, air and vacuum, reading and smoothing.
export const C_KMS = 299792.458;
export const HALPHA = 6564.614; // vacuum Å, as everywhere here
export const HALPHA_WINDOW = [6519, 6610];
const LINES = [ // vacuum Å
  ["Hδ", 4102.892], ["Hγ", 4341.692], ["He I", 4472.735], ["He II", 4687.02], ["Hβ", 4862.691], ["[O III]", 4960.295],
  ["[O III]", 5008.240], ["He I", 5877.249], ["[N II]", 6549.85], ["Hα", HALPHA], ["[N II]", 6585.27],
  ["He I", 6679.995], ["[S II]", 6718.294], ["[S II]", 6732.674], ["He I", 7067.125], ["O I", 8448.7], ["Ca II", 8500.36],
  ["Ca II", 8544.44], ["Ca II", 8664.52],
];
const TELLURIC = [[6868, 6946], [7160, 7340], [7595, 7705]]; // O2 B, H2O, O2 A

// Morton 2000 (ApJS 130, 403), as vo_emline.spectra has it
export function air(vacuum) {
  const s2 = (1e4 / vacuum) ** 2;
  return vacuum / (1 + 8.34254e-5 + 2.406147e-2 / (130 - s2) + 1.5998e-4 / (38.9 - s2));
}

function columns(text) {
  const lines = text.trim().split("\n").filter((line) => !line.startsWith("#"));
  const names = lines[0].trim().split(","); // the first is the wavelength, in vacuum unless asked otherwise
  const found = Object.fromEntries(names.map((name) => [name, []]));
  for (const line of lines.slice(1)) {
    line.trim().split(",").forEach((cell, place) => {
      found[names[place]].push(place && !cell ? NaN : cell === "true" || cell === "True" ? 1 : Number(cell));
    });
  }
  return found;
}

export async function load(url) {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(answer.status === 400 ? "cannot be normalised" : `answer ${answer.status}`);
  const found = columns(await answer.text());
  const bad = found.mask;
  const flux = found.flux.map((value, at) => (bad?.[at] || !Number.isFinite(value) ? null : value));
  return { wavelength: Object.values(found)[0], flux, error: found.flux_error };
}

export function smoothed(values, width) {
  if (!width) return values;
  const weights = Array.from({ length: 2 * 3 * width + 1 }, (_, at) => Math.exp(-0.5 * ((at - 3 * width) / width) ** 2));
  return values.map((value, at) => {
    if (value === null) return null;
    let sum = 0, total = 0;
    weights.forEach((weight, offset) => {
      const other = values[at + offset - 3 * width];
      if (other !== null && other !== undefined) { sum += weight * other; total += weight; }
    });
    return sum / total;
  });
}

// The value of a custom property of the style sheet: plots take their colours from it.
export const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// Lines and telluric bands on a plot; `across` and `band` give the place of a wavelength on its axis.
export function drawLines(u, across, band = across) {
  const context = u.ctx;
  const { left, top, width, height } = u.bbox;
  context.save();
  context.beginPath();
  context.rect(left, top, width, height);
  context.clip();
  context.fillStyle = style("--wash");
  for (const edges of TELLURIC) {
    const [from, to] = edges.map((edge) => u.valToPos(band(edge), "x", true));
    context.fillRect(from, top, to - from, height);
  }
  context.font = `${11 * devicePixelRatio}px system-ui, sans-serif`;
  context.textAlign = "center";
  let before = -1e9;
  for (const [name, wavelength] of LINES) {
    const x = u.valToPos(across(wavelength), "x", true);
    const halpha = wavelength === HALPHA;
    context.strokeStyle = halpha ? style("--accent") : style("--soft");
    context.globalAlpha = halpha ? 0.9 : 0.45;
    context.setLineDash([4 * devicePixelRatio, 4 * devicePixelRatio]);
    context.lineWidth = devicePixelRatio;
    context.beginPath();
    context.moveTo(x, top);
    context.lineTo(x, top + height);
    context.stroke();
    context.globalAlpha = 1;
    if (x - before > 34 * devicePixelRatio) {
      context.fillStyle = halpha ? style("--accent") : style("--soft");
      context.fillText(name, x, top + 12 * devicePixelRatio);
      before = x;
    }
  }
  context.restore();
}
