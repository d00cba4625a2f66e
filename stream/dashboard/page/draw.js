// The pictures. Every function draws on a canvas what is known, in the colours of the style sheet.

const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const colours = 6;
const colour = (k) => css('--c' + (k % colours));
// Lines differ in their dashes too: colour is never the only sign.
const dashes = [[], [6, 3], [2, 3], [9, 3, 2, 3], [4, 4], [1, 2]];

// begin clears a canvas and scales it to the pixels of the screen.
function begin(canvas) {
  const ratio = window.devicePixelRatio || 1;
  const w = canvas.clientWidth, h = canvas.clientHeight;
  if (canvas.width !== Math.round(w * ratio) || canvas.height !== Math.round(h * ratio)) {
    canvas.width = Math.round(w * ratio);
    canvas.height = Math.round(h * ratio);
  }
  const g = canvas.getContext('2d');
  g.setTransform(ratio, 0, 0, ratio, 0, 0);
  g.clearRect(0, 0, w, h);
  g.font = '12px system-ui, "DejaVu Sans", sans-serif';
  g.textBaseline = 'middle';
  g.setLineDash([]);
  return [g, w, h];
}

function empty(g, w, h, text) {
  g.fillStyle = css('--quiet');
  g.textAlign = 'center';
  g.fillText(text, w / 2, h / 2);
  g.textAlign = 'left';
}

// traces stacks the channels in view, the newest at the right. Where there is no bin there is a gap, and it is shaded.
export function traces(canvas, now, scale, seconds) {
  const [g, w, h] = begin(canvas);
  const t = now.traces, a = now.about;
  if (!a || t.newest < 0) return empty(g, w, h, a && a.rate_hz ? 'waiting for samples' : 'waiting for the stream');
  const names = a.channels.slice(now.first, now.first + now.count).map((c) => c.name);
  const left = 44, bottom = 18, n = names.length, row = (h - bottom) / n;
  const bins = Math.round(seconds / a.column_s);
  const begin0 = t.newest - bins + 1;
  const x = (b) => left + (b - begin0 + 0.5) / bins * (w - left);
  g.strokeStyle = css('--grid');
  g.fillStyle = css('--quiet');
  g.lineWidth = 1;
  g.textAlign = 'center';
  const perS = 1 / a.column_s, step = [1, 2, 5, 10].find((s) => s / seconds * (w - left) > 38) || 20;
  for (let s = Math.ceil(begin0 / perS / step) * step; s * perS <= t.newest; s += step) {
    const at = Math.round(x(s * perS)) + 0.5;
    g.beginPath(); g.moveTo(at, 0); g.lineTo(at, h - bottom); g.stroke();
    if (at > left + 12 && at < w - 12) g.fillText(s + ' s', at, h - bottom / 2);
  }
  // gaps
  const oldest = t.bins.size ? t.bins.keys().next().value : t.newest;
  g.fillStyle = css('--gap');
  let gap = -1;
  const from = Math.max(begin0, oldest);
  for (let b = from; b <= t.newest + 1; b++) {
    const has = b > t.newest || t.bins.has(b);
    if (!has && gap < 0) gap = b;
    if (has && gap >= 0) {
      g.fillRect(x(gap - 0.5), 0, Math.max(1, x(b - 0.5) - x(gap - 0.5)), h - bottom);
      gap = -1;
    }
  }
  g.textAlign = 'right';
  for (let ch = 0; ch < n; ch++) {
    // the middle of what is in view, and its spread
    let lo = Infinity, hi = -Infinity;
    for (let b = from; b <= t.newest; b++) {
      const c = t.bins.get(b);
      if (!c || c.lo[ch] === null || c.lo[ch] === undefined) continue;
      if (c.lo[ch] < lo) lo = c.lo[ch];
      if (c.hi[ch] > hi) hi = c.hi[ch];
    }
    const mid = (lo + hi) / 2;
    const full = scale > 0 ? scale * 10 : Math.max(1, hi - lo); // tenths of the unit
    const y0 = (ch + 0.5) * row;
    const y = (v) => y0 - (v - mid) / full * row;
    g.fillStyle = css('--text');
    g.fillText(names[ch], left - 6, y0);
    if (lo === Infinity) continue;
    g.save();
    g.beginPath(); g.rect(left, Math.max(0, y0 - row), w - left, 2 * row); g.clip();
    g.strokeStyle = css('--trace');
    g.lineWidth = 1;
    g.beginPath();
    let pen = false;
    for (let b = from; b <= t.newest; b++) {
      const c = t.bins.get(b);
      if (!c || c.lo[ch] === null || c.lo[ch] === undefined) { pen = false; continue; }
      const at = x(b);
      if (pen) g.lineTo(at, y(c.lo[ch])); else g.moveTo(at, y(c.lo[ch]));
      g.lineTo(at, y(c.hi[ch]) - 0.5);
      pen = true;
    }
    g.stroke();
    g.restore();
  }
  g.textAlign = 'left';
  g.setLineDash([4, 3]);
  for (const e of t.events) {
    if (e.bin < begin0) continue;
    const at = Math.round(x(e.bin)) + 0.5;
    g.strokeStyle = css('--c1');
    g.beginPath(); g.moveTo(at, 0); g.lineTo(at, h - bottom); g.stroke();
    const text = e.label, wide = g.measureText(text).width + 6;
    g.fillStyle = css('--card');
    g.fillRect(at + 1, 1, wide, 15);
    g.fillStyle = css('--c1');
    g.fillText(text, at + 4, 9);
  }
  g.setLineDash([]);
}

const shownS = 20; // of scores

// scores draws the probability of every class, or the value of every quantity, over time.
export function scores(canvas, now) {
  const [g, w, h] = begin(canvas);
  const list = now.decisions;
  if (!list.length) return empty(g, w, h, 'no decision yet');
  const end = list[list.length - 1].t_ns, left = 30, bottom = 16;
  const seen = list.filter((d) => d.t_ns > end - shownS * 1e9);
  const values = (d) => d.scores ? d.scores.map((s) => s.p) : d.value || [];
  const n = Math.max(...seen.map((d) => values(d).length));
  let lo = 0, hi = 1;
  if (!seen.some((d) => d.scores)) {
    const all = seen.flatMap(values);
    lo = Math.min(0, ...all);
    hi = Math.max(1e-9, ...all);
  }
  const x = (d) => left + (1 - (end - d.t_ns) / (shownS * 1e9)) * (w - left - 4);
  const y = (v) => 6 + (1 - (v - lo) / (hi - lo)) * (h - bottom - 10);
  g.fillStyle = css('--quiet');
  g.strokeStyle = css('--grid');
  for (const v of [lo, (lo + hi) / 2, hi]) {
    g.beginPath(); g.moveTo(left, y(v)); g.lineTo(w, y(v)); g.stroke();
    g.textAlign = 'right';
    g.fillText(v.toFixed(1), left - 5, y(v));
  }
  g.textAlign = 'left';
  g.fillText(`−${shownS} s`, left, h - 6);
  g.textAlign = 'right';
  g.fillText('now', w, h - 6);
  g.textAlign = 'left';
  for (let k = 0; k < n; k++) {
    g.strokeStyle = colour(k);
    g.lineWidth = 2;
    g.setLineDash(dashes[k % dashes.length]);
    g.beginPath();
    let before = null;
    for (const d of seen) {
      const v = values(d)[k];
      if (v === undefined) { before = null; continue; }
      if (before !== null && d.t_ns - before < 1.5e9) g.lineTo(x(d), y(v)); else g.moveTo(x(d), y(v));
      before = d.t_ns;
    }
    g.stroke();
  }
  g.setLineDash([]);
}

// legend names the lines of scores.
export function legend(box, d) {
  const list = d.scores ? d.scores.map((s) => [s.label, s.p]) : (d.value || []).map((v, k) => ['value ' + (k + 1), v]);
  while (box.children.length > list.length) box.lastChild.remove();
  list.forEach(([name, v], k) => {
    let el = box.children[k];
    if (!el) {
      el = document.createElement('span');
      el.append(Object.assign(document.createElement('i'), {className: 'swatch'}), document.createElement('span'), document.createElement('b'));
      box.append(el);
    }
    el.firstChild.style.borderTopColor = colour(k);
    el.firstChild.style.borderTopStyle = ['solid', 'dashed', 'dotted'][k % 3];
    el.children[1].textContent = name + ' ';
    el.lastChild.textContent = v.toFixed(2);
  });
}

// A controller says something every second at least: one that does not has ended or has lost its link.
export const silentMS = 2500;
export const silent = (a) => performance.now() - a.at > silentMS;

// actuator draws what a controller moves, as it says: the cursor with its targets, or the joints of a hand.
export function actuator(canvas, now) {
  const [g, w, h] = begin(canvas);
  const a = now.actuators[0];
  if (!a) return empty(g, w, h, 'no controller reports what it moves');
  g.globalAlpha = silent(a) ? 0.35 : 1;
  if (a.position) field(g, w, h, a);
  else if (a.joints) hand(g, w, h, a);
  else empty(g, w, h, `${a.kind}: ${a.state}`);
  g.globalAlpha = 1;
}

// field is the square that a cursor moves on, or the line where all targets lie on one.
function field(g, w, h, a) {
  const targets = a.targets || [];
  const size = Math.min(w, h) / 2 - 12;
  const flat = targets.length > 0 && targets.every((p) => Math.abs(p[1]) < 0.01) && Math.abs(a.position[1]) < 0.01;
  const sx = flat ? Math.min(w / 2 - 20, 3 * size) : size;
  const px = (p) => w / 2 + p[0] * sx, py = (p) => h / 2 - p[1] * size;
  g.lineWidth = 1;
  g.strokeStyle = css('--control');
  g.strokeRect(w / 2 - sx - 8, flat ? h / 2 - 40 : h / 2 - size - 8, 2 * sx + 16, flat ? 80 : 2 * size + 16);
  g.beginPath(); g.moveTo(w / 2 - 5, h / 2); g.lineTo(w / 2 + 5, h / 2); g.moveTo(w / 2, h / 2 - 5); g.lineTo(w / 2, h / 2 + 5); g.stroke();
  const r = Math.max(9, (a.radius || 0.1) * size);
  for (const p of targets) {
    const goal = a.target && Math.hypot(p[0] - a.target[0], p[1] - a.target[1]) < 1e-6;
    g.lineWidth = goal ? 4 : 1.5;
    g.strokeStyle = goal ? css('--c1') : css('--control');
    g.beginPath(); g.arc(px(p), py(p), r + (goal ? 4 : 0), 0, 7); g.stroke();
    if (goal) { g.beginPath(); g.arc(px(p), py(p), r / 3, 0, 7); g.stroke(); }
  }
  point(g, px(a.position), py(a.position), a.state === 'safe');
}

// hand shows each joint as a bar from open to closed.
function hand(g, w, h, a) {
  const left = 78, bottom = 16, row = (h - bottom) / a.joints.length, wide = w - left - 8;
  a.joints.forEach((j, k) => {
    const y = k * row + row / 2, high = Math.min(14, row - 4);
    g.textAlign = 'right';
    g.fillStyle = css('--text');
    g.fillText(j.name, left - 8, y);
    g.lineWidth = 1;
    g.strokeStyle = css('--control');
    g.strokeRect(left + 0.5, y - high / 2, wide, high);
    g.fillStyle = css(a.state === 'safe' ? '--bad' : '--good');
    g.fillRect(left + 0.5, y - high / 2, wide * j.bend, high);
  });
  g.fillStyle = css('--quiet');
  g.textAlign = 'left';
  g.fillText('open', left, h - 7);
  g.textAlign = 'right';
  g.fillText('closed', left + wide, h - 7);
  g.textAlign = 'left';
}

// says is what a controller does, in words.
export function says(a) {
  let text = a.state === 'safe' ? `SAFE (${a.reason || ''})${a.latched ? ', latched: re-arm it where it is seen' : ''}` : `${a.state}${a.label ? ': ' + a.label : ''}`;
  if (a.goal) text += ` · to be reached: ${a.goal}`;
  if (a.trials) text += ` · hits ${a.hits || 0} of ${a.trials}`;
  const age = Math.round((performance.now() - a.at) / 1e3);
  return `${a.kind}: ` + (silent(a) ? `SILENT, last seen ${age} s ago (${text})` : text);
}

// point is a disc while it moves, and a square while it must not.
function point(g, x, y, safe) {
  g.fillStyle = css(safe ? '--bad' : '--good');
  g.beginPath();
  if (safe) g.rect(x - 8, y - 8, 16, 16); else g.arc(x, y, 9, 0, 7);
  g.fill();
}

export function spectra(canvas, now) {
  const [g, w, h] = begin(canvas);
  const m = now.spectra;
  if (!m || !m.db.length || !now.about) return empty(g, w, h, 'needs two seconds of signal');
  const left = 32, bottom = 18;
  const n = m.db[0].length, top = (n - 1) * m.step_hz;
  let lo = Infinity, hi = -Infinity;
  for (const c of m.db) for (let k = 1; k < n; k++) if (c[k] !== null) { lo = Math.min(lo, c[k] / 10); hi = Math.max(hi, c[k] / 10); }
  if (lo === Infinity) return empty(g, w, h, 'the signal is flat');
  lo = Math.floor(lo / 10) * 10;
  hi = Math.max(lo + 10, Math.ceil(hi / 10) * 10);
  const x = (k) => left + (k * m.step_hz) / top * (w - left - 8), y = (v) => 6 + (hi - v) / (hi - lo) * (h - bottom - 10);
  g.strokeStyle = css('--grid');
  g.fillStyle = css('--quiet');
  for (const b of now.about.bands) {
    if (b.name !== now.band) continue;
    g.fillStyle = css('--gap');
    g.fillRect(x(b.low_hz / m.step_hz), 4, x(b.high_hz / m.step_hz) - x(b.low_hz / m.step_hz), h - bottom - 4);
    g.fillStyle = css('--quiet');
    g.fillText(b.name, x(b.low_hz / m.step_hz) + 3, 12);
  }
  g.textAlign = 'right';
  for (let v = lo; v <= hi; v += (hi - lo > 40 ? 20 : 10)) {
    g.beginPath(); g.moveTo(left, y(v)); g.lineTo(w, y(v)); g.stroke();
    g.fillText(v, left - 5, y(v));
  }
  g.textAlign = 'center';
  for (let f = 0; f <= top; f += 10) g.fillText(f === 0 ? '0 Hz' : f, Math.max(x(f / m.step_hz), left + 6), h - 7);
  g.textAlign = 'left';
  g.lineWidth = 1;
  g.globalAlpha = 0.45;
  g.strokeStyle = css('--trace');
  for (const c of m.db) line(g, c, n, x, y);
  g.globalAlpha = 1;
  g.lineWidth = 2.5;
  g.strokeStyle = css('--c1');
  line(g, middle(m.db), n, x, y);
}

function line(g, c, n, x, y) {
  g.beginPath();
  let pen = false;
  for (let k = 1; k < n; k++) {
    if (c[k] === null || c[k] === undefined) { pen = false; continue; }
    if (pen) g.lineTo(x(k), y(c[k] / 10)); else g.moveTo(x(k), y(c[k] / 10));
    pen = true;
  }
  g.stroke();
}

// middle is the median over the channels, bin by bin.
export function middle(db) {
  return db[0].map((_, k) => {
    const v = db.map((c) => c[k]).filter((q) => q !== null).sort((p, q) => p - q);
    return v.length ? v[Math.floor(v.length / 2)] : null;
  });
}

// The map's colours go from dark blue over green to yellow, ever lighter: they can be told apart in grey as well
// (after viridis, Smith and van der Walt 2015, five points of it).
const ramp = [[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]];
function shade(u) {
  const p = Math.max(0, Math.min(1, u)) * (ramp.length - 1), k = Math.min(ramp.length - 2, Math.floor(p)), f = p - k;
  return ramp[k].map((c, i) => Math.round(c + f * (ramp[k + 1][i] - c)));
}

const scratch = document.createElement('canvas');

// mapped are the electrodes that the map shows, each with its value: those within its circle. The others, on the lower half of the
// head (Iz, T9, T10), are in neither its colours nor its words.
function mapped(a, m) {
  return a.channels.filter((c) => c.at).map((c, k) => [m.values[k], c]).filter(([, c]) => Math.hypot(...c.at) <= 1.02);
}

// scalp draws the map from above, the nose up.
export function scalp(canvas, now) {
  const [g, w, h] = begin(canvas);
  const m = now.scalp, a = now.about;
  if (!a || a.no_map) return empty(g, w, h, a ? 'no map' : '');
  if (!m || !m.grid) return empty(g, w, h, m && m.why ? m.why : 'needs two seconds of signal');
  const r = Math.min(w - 116, h - 26) / 2, cx = (w - 66) / 2, cy = h / 2 + 5;
  if (r <= 0) return; // hidden while the session waits, or in a sliver of a window
  let lo = Infinity, hi = -Infinity;
  const electrodes = mapped(a, m);
  for (const v of [...m.grid, ...electrodes.map(([v]) => v)]) if (v !== null) { lo = Math.min(lo, v); hi = Math.max(hi, v); }
  const span = Math.max(hi - lo, 1);
  // One pixel a cell, scaled up with smoothing; what is outside takes the colour of its nearest neighbour inside, so that the edge stays sharp.
  const n = m.size;
  scratch.width = scratch.height = n;
  const s = scratch.getContext('2d'), image = s.createImageData(n, n);
  for (let row = 0; row < n; row++) {
    for (let col = 0; col < n; col++) {
      const c = (n - 1) / 2, dx = col - c, dy = row - c, d = Math.hypot(dx, dy);
      let v = m.grid[row * n + col];
      for (let f = 1; v === null && d > 0 && f > 0.5; f -= 0.02) v = m.grid[Math.round(c + dy * c / d * f) * n + Math.round(c + dx * c / d * f)];
      const [red, green, blue] = shade((v - lo) / span);
      image.data.set([red, green, blue, 255], 4 * (row * n + col));
    }
  }
  s.putImageData(image, 0, 0);
  g.save();
  g.beginPath(); g.arc(cx, cy, r, 0, 7); g.clip();
  g.imageSmoothingEnabled = true;
  g.imageSmoothingQuality = 'high';
  const cell = 2 * r / (n - 1); // the middles of the outermost cells are on the circle
  g.drawImage(scratch, cx - r - cell / 2, cy - r - cell / 2, n * cell, n * cell);
  g.restore();
  g.strokeStyle = css('--text');
  g.lineWidth = 2;
  g.beginPath(); g.arc(cx, cy, r, 0, 7); g.stroke();
  g.beginPath(); g.moveTo(cx - 9, cy - r + 1); g.lineTo(cx, cy - r - 11); g.lineTo(cx + 9, cy - r + 1); g.stroke();
  for (const side of [-1, 1]) { g.beginPath(); g.ellipse(cx + side * (r + 4), cy, 4, 14, 0, 0, 7); g.stroke(); }
  for (const [, c] of electrodes) {
    g.fillStyle = '#fff'; g.strokeStyle = '#000'; g.lineWidth = 1;
    g.beginPath(); g.arc(cx + c.at[0] * r, cy - c.at[1] * r, 2.4, 0, 7); g.fill(); g.stroke();
  }
  // the scale
  const bx = cx + r + 24, bh = 1.5 * r;
  const fade = g.createLinearGradient(0, cy - bh / 2, 0, cy + bh / 2);
  for (let k = 0; k <= 8; k++) fade.addColorStop(k / 8, `rgb(${shade(1 - k / 8).join(',')})`);
  g.fillStyle = fade;
  g.fillRect(bx, cy - bh / 2, 12, bh);
  g.fillStyle = css('--text');
  g.textAlign = 'left';
  g.fillText((hi / 10).toFixed(0) + ' dB', bx + 16, cy - bh / 2 + 5);
  g.fillText((lo / 10).toFixed(0) + ' dB', bx + 16, cy + bh / 2 - 5);
}

export function histogram(canvas, about, hist) {
  const [g, w, h] = begin(canvas);
  const n = hist ? hist.n : [];
  const all = n.reduce((a, b) => a + b, 0);
  if (!about || !all) return empty(g, w, h, 'no decision yet');
  const edges = about.histogram_edges_ms, bottom = 18, top = 14, most = Math.max(...n), bw = w / n.length;
  const text = (ms) => ms >= 1000 ? ms / 1000 + ' s' : String(ms);
  g.textAlign = 'center';
  n.forEach((v, k) => {
    const high = v / most * (h - bottom - top);
    g.fillStyle = css('--c0');
    g.fillRect(k * bw + 1.5, h - bottom - high, bw - 3, high);
    g.fillStyle = css('--quiet');
    if (v > 0 && v >= most / 200) g.fillText(String(Math.round(100 * v / all)), k * bw + bw / 2, h - bottom - high - 7);
    if (k < edges.length && k % (bw < 28 ? 3 : 1) === 0) g.fillText(text(edges[k]), (k + 1) * bw, h - 7);
  });
  g.strokeStyle = css('--control');
  g.beginPath(); g.moveTo(0, h - bottom + 0.5); g.lineTo(w, h - bottom + 0.5); g.stroke();
  g.textAlign = 'left';
}

// texts says beside each picture, in words, what it shows.
export function texts(now, $) {
  const set = (id, text) => { if ($(id).textContent !== text) $(id).textContent = text; };
  const label = (id, text) => { if ($(id).getAttribute('aria-label') !== text) $(id).setAttribute('aria-label', text); };
  const a = now.about;
  const names = a.channels.slice(now.first, now.first + now.count).map((c) => c.name);
  label('traces', `Traces of ${names.join(', ')}`);
  set('tracenote', !a.rate_hz ? '' : `${a.channels.length} channels at ${a.rate_hz} Hz; least and largest value of every ${(1e3 * a.column_s).toFixed(1)} ms; shaded: nothing came`);
  if (now.scalp && now.scalp.grid) {
    const v = mapped(a, now.scalp).filter(([q]) => q !== null).sort((p, q) => q[0] - p[0]);
    const band = a.bands.find((b) => b.name === now.band);
    const range = band ? `, ${band.low_hz}–${band.high_hz} Hz` : ''; // a slow stream does not have each
    const text = `Power ${now.band}${range}, dB of 1 µV²: most at ${v.slice(0, 3).map(([q, c]) => `${c.name} ${(q / 10).toFixed(0)}`).join(', ')}; least at ${v.slice(-1).map(([q, c]) => `${c.name} ${(q / 10).toFixed(0)}`)}.`;
    set('scalptext', text);
    label('scalp', 'Scalp map seen from above. ' + text);
  }
  if (now.spectra && now.spectra.db.length) {
    const m = middle(now.spectra.db);
    let peak = 0;
    for (let k = 4; k < m.length; k++) if (m[k] !== null && m[k] > m[k - 1] && m[k] >= (m[k + 1] ?? -Infinity) && (!peak || m[k] > m[peak])) peak = k;
    const text = `dB of 1 µV²/Hz, 2 s; thick: median of the channels in view` + (peak ? `, its peak at ${(peak * now.spectra.step_hz).toFixed(0)} Hz.` : '.');
    set('spectratext', text);
    label('spectra', 'Spectra. ' + text);
  }
  const cursorText = now.actuators.map(says).join('; ') || 'no controller reports what it moves';
  set('cursortext', cursorText);
  label('cursor', 'Controller: ' + cursorText);
  for (const [id, h, what] of [['ages', now.state && now.state.age, 'ages'], ['latencies', now.state && now.state.latency, 'latencies']]) {
    if (!h) continue;
    const all = h.n.reduce((p, q) => p + q, 0);
    const parts = h.n.map((v, k) => [v, k]).filter(([v]) => v > 0).map(([v, k]) => `${Math.round(100 * v / all)} % ${k < a.histogram_edges_ms.length ? 'up to ' + a.histogram_edges_ms[k] : 'above'} ms`);
    label(id, `Histogram of ${what}: ${parts.join(', ')}`);
  }
}
