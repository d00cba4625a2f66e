// The page of a running session: what comes from /events is drawn, what is pressed goes to /api.
import * as draw from './draw.js';

const $ = (id) => document.getElementById(id);
const calm = matchMedia('(prefers-reduced-motion: reduce)');

// What is known. Traces hold for each bin the least and the largest value of every channel in view.
const now = {
  about: null, state: null, viewOnly: false, ended: false, last: 0, connected: false,
  first: 0, count: 16, band: 'alpha', held: '', heldAt: 0,
  traces: {epoch: -1, newest: -1, bins: new Map(), events: []},
  spectra: null, scalp: null, decisions: [], actuators: [], shift: 0,
};
let source = null;
let dirty = true;

// ---- messages ----

function connect() {
  if (source) source.close();
  if (away || asleep) return;
  const q = new URLSearchParams({first: now.first, count: now.count, band: now.band});
  source = new EventSource('events?' + q);
  const on = (name, fn) => source.addEventListener(name, (e) => {
    now.last = performance.now();
    fn(JSON.parse(e.data));
    dirty = true;
  });
  source.onopen = () => { link(true); now.last = performance.now(); };
  source.onerror = () => {
    link(false);
    if (source.readyState === EventSource.CLOSED) refused();
  };
  on('hello', hello);
  on('state', state);
  on('traces', traces);
  on('decisions', (m) => decisions(m.decisions));
  on('spectra', (m) => { now.spectra = m; });
  on('scalp', (m) => { now.scalp = m; });
  on('actuators', (m) => actuators(m.actuators));
  on('bye', (m) => {
    now.ended = true; // until somebody says hello, and before anything is shown: nobody is there to be asked
    if (m.telemetry) state({...now.state, telemetry: m.telemetry});
    else buttons();
    source.close();
    link(false);
    note('The session has ended.');
    setTimeout(() => { if (now.ended) connect(); }, 2000); // from then on the browser tries again and again
  });
}

// A browser opens at most six connections to one place (HTTP/1.1), and each page holds one for what it shows: with six pages open nothing
// else would leave any of them. All pages of a browser give theirs up while one has something to ask for.
const pages = typeof BroadcastChannel === 'function' ? new BroadcastChannel('gyrus') : null;
let away = 0; // the timer of coming back, 0 for here
function giveWay() {
  if (source) source.close();
  clearTimeout(away);
  away = setTimeout(comeBack, 4000, true);
  link(false);
}
function comeBack(late) {
  if (!away || asking > 0 && !late) return;
  clearTimeout(away);
  away = 0;
  connect();
}
function makeWay() { giveWay(); if (pages) pages.postMessage('give way'); }
function wayIsMade() { comeBack(); if (pages) pages.postMessage('come back'); }
if (pages) pages.onmessage = (e) => {
  if (e.data === 'stop') stopFirst();
  else if (e.data === 'give way') giveWay();
  else comeBack();
};

// A page that nobody sees for a minute may be frozen by its browser, and would hear nothing of this.
let asleep = false;
let hidden = 0;
document.addEventListener('visibilitychange', () => {
  clearTimeout(hidden);
  if (document.hidden) {
    hidden = setTimeout(() => { asleep = true; if (source) source.close(); link(false); }, 60000);
  } else if (asleep) {
    asleep = false;
    connect();
  }
});

// refused finds out why there is no stream of messages: a token that is missing, or a server that is gone.
async function refused() {
  const res = await bounded(5, (signal) => fetch('api/state', {signal})).catch(() => null);
  if (res && res.status === 401) {
    $('login').hidden = false;
    $('main').hidden = true;
    $('token').focus();
    return;
  }
  setTimeout(connect, 1500);
}

function link(up) {
  now.connected = up;
  chip($('link'), up ? 'good' : 'bad', up ? '● connected' : now.ended ? '■ ended' : away ? '◌ makes way' : asleep ? '◌ rests, since nobody looks' : '✕ not connected');
  stale();
}

function stale() {
  const quiet = performance.now() - now.last > 2500;
  const el = $('stale');
  const text = now.ended ? 'The session has ended: what you see is its last state. Looking for the next one here.'
    : away ? 'What you see stands still while something is asked for.'
    : !now.connected && now.last > 0 ? 'No connection to the session: what you see is old. Trying again.'
    : now.connected && quiet && now.about ? 'Nothing comes from the session: what you see is old.' : '';
  if (el.textContent !== text) el.textContent = text;
  el.hidden = text === '';
}

function chip(el, kind, text) {
  if (el.textContent === text && el.dataset.state === kind) return;
  el.textContent = text;
  el.dataset.state = kind;
}

const sameStream = (a, b) => a && a.session === b.session && a.rate_hz === b.rate_hz && a.channels.length === b.channels.length;

function hello(a) {
  const before = now.about;
  now.about = a;
  now.ended = false;
  $('name').textContent = a.session ? a.session + ' / ' + a.decoder : '';
  $('version').textContent = a.version;
  document.title = a.session ? a.session + ' – gyrus' : 'gyrus session';
  if (before && before.run !== a.run) forget(before);
  else if (!sameStream(before, a)) clearTraces();
  const band = $('band');
  if (band.children.length !== a.bands.length) {
    band.replaceChildren(...a.bands.map((b) => {
      const label = document.createElement('label'), input = document.createElement('input');
      Object.assign(input, {type: 'radio', name: 'band', value: b.name, checked: b.name === now.band});
      label.append(input, ' ' + b.name);
      return label;
    }));
  }
  $('scalptext').textContent = a.no_map ? 'No map: ' + a.no_map + '.' : '';
  channels();
  const known = new Set(a.verbs.map((v) => v.verb));
  viewOnly(a.view_only);
  for (const b of $('buttons').children) b.hidden = !known.has(b.dataset.verb);
  $('swap').hidden = !known.has('swap');
  buttons();
  stale();
}

// viewOnly takes away what the server would refuse: a button that does nothing must not be seen, an emergency stop least of all.
function viewOnly(on) {
  now.viewOnly = on;
  $('stop').hidden = on;
  $('viewonly').hidden = !on;
  for (const el of document.querySelectorAll('.presses')) el.hidden = on;
}

function channels() {
  const n = now.about ? now.about.channels.length : 0;
  const last = Math.min(n, now.first + now.count);
  $('chrange').textContent = n ? `${now.first + 1}–${last} of ${n}` : '–';
  $('chprev').disabled = now.first === 0;
  $('chnext').disabled = last >= n;
}

// chosen is the value of a group of radio buttons. There is no select in the page: Esc would close its list, and not come here as a stop.
const chosen = (id) => document.querySelector(`#${id} :checked`).value;

function clearTraces() {
  now.traces = {epoch: -1, newest: -1, bins: new Map(), events: []};
}

// What stands in the page at first beside what forget names, and the words for who cannot see the pictures.
const blank = ['phase', 'decision', 'legend', 'tracenote', 'scalptext', 'spectratext', 'facts', 'streams', 'hub'].map((id) => [$(id), $(id).innerHTML, {...$(id).dataset}]);
const unlabelled = ['traces', 'scores', 'scalp', 'spectra', 'ages', 'latencies'].map((id) => [$(id), $(id).getAttribute('aria-label')]);

// forget drops what was shown of another run of the decoder. A program that was started again counts samples from the same numbers, and
// its clock may have been set back: nothing of before may stand where something of now is looked for.
function forget(before) {
  clearTraces();
  Object.assign(now, {state: null, spectra: null, scalp: null, decisions: []});
  for (const [el, html, data] of blank) {
    el.innerHTML = html;
    Object.assign(el.dataset, data);
  }
  for (const [el, label] of unlabelled) el.setAttribute('aria-label', label);
  $('stages').tBodies[0].replaceChildren();
  $('cuecard').hidden = true;
  shownCue = '';
  waiting();
  held();
  if (!before.run) return;
  stood = null;
  const el = $('stopped');
  if (el.dataset.state !== 'bad') el.hidden = true;
  else if (!el.hidden) el.textContent = 'Asked of the run before: ' + el.textContent; // nobody may miss that a stop was not confirmed
  note('The decoder was started again: what was shown of its run before is gone.');
}

function traces(m) {
  if (m.channel !== now.first) return; // of the view before
  const t = now.traces;
  if (m.epoch !== t.epoch) {
    t.epoch = m.epoch;
    t.bins.clear();
    t.events = [];
    t.newest = -1;
  }
  const n = m.lo.length ? m.lo[0].length : 0;
  for (let k = 0; k < n; k++) {
    t.bins.set(m.first + k, {lo: m.lo.map((c) => c[k]), hi: m.hi.map((c) => c[k])});
  }
  t.newest = Math.max(t.newest, m.first + n - 1);
  for (const e of m.events || []) if (e.epoch === t.epoch) t.events.push(e);
  const keep = t.newest - 25 / now.about.column_s;
  for (const b of t.bins.keys()) {
    if (b >= keep) break; // in the order of arrival, which is that of time
    t.bins.delete(b);
  }
  t.events = t.events.filter((e) => e.bin >= keep);
}

function decisions(list) {
  const newest = now.decisions.length ? now.decisions[now.decisions.length - 1].t_ns : 0;
  for (const d of list) if (d.t_ns > newest) now.decisions.push(d);
  if (now.decisions.length > 600) now.decisions.splice(0, now.decisions.length - 600);
}

// actuators takes what controllers say that they move; the first one is drawn.
function actuators(list) {
  const before = new Map(now.actuators.map((a) => [a.controller, a]));
  now.actuators = list.map((a) => ({...a, at: performance.now() - a.age_ms, told: (before.get(a.controller) || {}).told}));
  for (const a of now.actuators) {
    if (!before.has(a.controller)) note(`Controller ${a.kind} ${a.controller.slice(0, 6)} reports.`);
    before.delete(a.controller);
  }
  for (const a of before.values()) note(`Controller ${a.kind} ${a.controller.slice(0, 6)} has ended.`);
  silence();
}

// silence says once of each controller that it is not heard any more.
function silence() {
  for (const a of now.actuators) {
    const quiet = draw.silent(a);
    if (quiet && !a.told) note(`Controller ${a.kind} ${a.controller.slice(0, 6)} is silent.`);
    a.told = quiet;
  }
}

const phases = {
  resolving: ['warn', '… waiting for the stream'], calibrating: ['warn', '◔ calibrating'], training: ['warn', '◑ training'],
  asking: ['warn', '? accept the model?'], decoding: ['good', '▶ decoding'], paused: ['warn', '‖ paused'], ended: ['none', '■ ended'],
};
const links = {connected: ['good', '●'], recovered: ['good', '↻'], resolving: ['warn', '…'], stalled: ['warn', '‖'], lost: ['bad', '✕']};

// shaded says that nothing may act on the commands, where there are or will be any.
const shaded = (t, kind, text) => !t.shadow || t.phase === 'ended' ? [kind, text] : ['warn', text.replace('▶', '◌') + ', in shadow'];

function state(s) {
  const before = now.state && now.state.telemetry;
  now.state = s;
  now.stateAt = performance.now();
  const t = s.telemetry;
  if (!t) return;
  const [kind, text] = shaded(t, ...(phases[t.phase] || ['none', t.phase]));
  chip($('phase'), kind, text);
  if (!before || before.phase !== t.phase || !before.shadow !== !t.shadow) note('Session: ' + text.slice(2) + (t.detail ? ', ' + t.detail : ''));
  else if (t.held_by && before.held_by !== t.held_by) note('Held back: ' + t.held_by);
  held();
  lifted(t);
  for (const st of t.streams || []) {
    const old = before && (before.streams || []).find((o) => o.name === st.name);
    if (!old || old.state !== st.state) note(`Stream ${st.name}: ${st.state}${st.detail ? ', ' + st.detail : ''}`);
  }
  if (before && before.bundle !== t.bundle) note('Model ' + short(t.bundle) + ' decides now.');
  waiting();
  cue(s.cue, t);
  streams(t);
  facts(t);
  stages(t);
  buttons();
  $('hub').textContent = `${s.viewers} looking on, ${s.dropped} chunks dropped for pages, ${s.browser_lost} messages lost for this one.`;
}

// held shows by what commands are held back, and keeps since when these words are to be read.
function held() {
  const t = now.state && now.state.telemetry;
  const words = !t || now.ended || t.phase === 'ended' ? '' : t.held_by || '';
  if (words !== now.held) { now.held = words; now.heldAt = performance.now(); }
  const el = $('held'), text = words && 'No commands are sent: ' + words;
  if (el.textContent !== text) el.textContent = text;
  el.hidden = text === '';
}

// What the page says of a stop is true until it is lifted, wherever that is asked for: at is when it was asked for, held whether it is known
// to hold the session back, and looks of before from, by the decoder's clock, may not know of it.
let stood = null;
function lifted(t) {
  if (!stood || t.phase === 'ended' || t.t_publish_ns < stood.from) return;
  const stopped = (t.held_by || '').includes('EMERGENCY STOP');
  if (stopped) stood.held = true;
  if (stopped || !stood.held) return;
  showStop('none', `○ LIFTED at ${clock()}: the emergency stop of ${stood.at} holds this session back no more.`);
  stood = null;
}

// showStop says what becomes of an emergency stop.
function showStop(kind, text) {
  const el = $('stopped');
  el.dataset.state = kind;
  el.textContent = text;
  el.hidden = false;
  note(text);
}

const short = (sha) => sha ? sha.slice(0, 12) : '–';
const num = (v, digits = 1) => v === undefined || v === null ? '–' : v.toFixed(digits);

function rows(el, list) {
  while (el.children.length > list.length) el.lastChild.remove();
  list.forEach(([k, v], i) => {
    let row = el.children[i];
    if (!row) {
      row = document.createElement('div');
      row.append(document.createElement('dt'), document.createElement('dd'));
      el.append(row);
    }
    if (row.firstChild.textContent !== k) row.firstChild.textContent = k;
    if (row.lastChild.textContent !== v) row.lastChild.textContent = v;
  });
}

function facts(t) {
  const list = [
    ['model', short(t.bundle)], ['before', short(t.before)], ['windows decided', String(t.windows - t.rejected)], ['windows rejected', String(t.rejected)],
    ['commands sent', String(t.sent)], ['of these in shadow', String(t.sent_shadow)], ['held while paused', String(t.held)], ['expired', String(t.expired)], ['not sent (no link)', String(t.not_sent)],
  ];
  if (t.pending) list.splice(2, 0, ['warming up', short(t.pending)]);
  const made = t.decisions; // absent without a section decide: every window is a decision then
  if (made && made.free_s > 0) list.push(['decisions', `${made.begun} begun, ${made.held_again} more for the seconds held: ${num(60 * (made.begun + made.held_again) / made.free_s)} a minute in which one could begin, ${num(100 * made.in_decision_s / t.decoded_s, 1)} % of the time in one`]);
  if (t.adaptation) list.push(['learning', t.adaptation]);
  if (t.score) list.push(['cross-validated', `${num(t.score.balanced_accuracy, 3)} [${num(t.score.ci_low, 3)}, ${num(t.score.ci_high, 3)}], chance ${num(t.score.chance, 2)}`]);
  const d = t.score && t.score.decide;
  if (d) list.push(['held-out trials decided', `${d.right} of ${d.trials} rightly, ${num(d.rightly, 3)} [${num(d.rightly_low, 3)}, ${num(d.rightly_high, 3)}], ${d.wrong} wrongly, ${d.undecided} not at all`]);
  if (d && d.rest) list.push(['held-out rest', `${num(d.rest.per_min, 2)} false decisions a minute [${num(d.rest.per_min_low, 2)}, ${num(d.rest.per_min_high, 2)}], at most ${d.rest.asked_per_min} asked for; ${num(d.rest.in_decision_s || 0, 1)} s in one`]);
  rows($('facts'), list);
}

function streams(t) {
  const box = $('streams');
  (t.streams || []).forEach((s, i) => {
    let el = box.children[i];
    if (!el) {
      el = document.createElement('div');
      el.className = 'stream';
      el.innerHTML = '<div class="top"><b></b><span class="chip"></span></div><p class="quiet"></p><dl class="facts"></dl>';
      box.append(el);
    }
    const [kind, sign] = links[s.state] || ['none', '?'];
    el.querySelector('b').textContent = s.name;
    chip(el.querySelector('.chip'), kind, `${sign} ${s.state}`);
    const why = s.detail || '';
    if (el.querySelector('p').textContent !== why) el.querySelector('p').textContent = why;
    rows(el.querySelector('dl'), [
      ['samples', s.samples.toLocaleString('en')], ['age', num(s.age_ms) + ' ms'], ['rate measured', num(s.rate_hz, 2) + ' Hz'],
      ['lost · suspected · without a time · dropped', `${s.lost} · ${s.suspected} · ${s.unstamped} · ${s.dropped}`], ['gaps · too old · NaN or infinite', `${t.gaps} · ${t.skipped} · ${s.not_finite || 0}`],
      ['stalls · losses', `${s.stalls} · ${s.losses}`], ['clock drift', num(s.drift_ppm) + ' ppm'], ['jitter', num(s.jitter_ms, 3) + ' ms'],
    ]);
  });
}

// waiting says what the session waits for, and for how long it has: counted on between two looks.
function waiting() {
  const t = now.state && now.state.telemetry, s = t && (t.streams || [])[0];
  const on = Boolean(t) && t.phase === 'resolving' && !now.ended;
  $('waitcard').hidden = !on;
  $('main').classList.toggle('waiting', on);
  if (!on) return;
  const set = (id, text) => { if ($(id).textContent !== text) $(id).textContent = text; };
  const seconds = s ? (t.t_publish_ns - s.since_ns) / 1e9 + (performance.now() - now.stateAt) / 1e3 : 0;
  set('waitname', s ? s.name : t.detail || '…');
  set('waittime', s ? `for ${span(Math.max(0, Math.floor(seconds)))}${s.detail ? '; ' + s.detail : ''}` : '');
  set('waitheld', t.held_by ? 'No commands will be sent when it is there: ' + t.held_by : t.shadow ? 'In shadow: no controller may act on the commands when it is there.' : '');
}
const span = (s) => s < 60 ? `${s} s` : `${Math.floor(s / 60)} min ${s % 60} s`;

function stages(t) {
  const body = $('stages').tBodies[0];
  const list = t.stages || [];
  while (body.rows.length < list.length) {
    const r = body.insertRow();
    const h = document.createElement('th');
    h.scope = 'row';
    r.append(h);
    for (let k = 0; k < 4; k++) r.insertCell();
  }
  list.forEach((s, i) => {
    [s.stage, num(s.p50_ms, 3), num(s.p99_ms, 3), num(s.p999_ms, 3), num(s.max_ms, 3)].forEach((v, k) => {
      const c = body.rows[i].cells[k];
      if (c.textContent !== v) c.textContent = v;
    });
  });
}

// mute says of a model that it would never do what is meant.
const mute = (t) => Boolean(t.score && t.score.decide) && t.score.decide.right === 0;

let shownCue = '';
function cue(c, t) {
  const on = t.phase === 'calibrating' || t.phase === 'training' || t.phase === 'asking';
  $('cuecard').hidden = !on;
  if (!on) return;
  let big = '', small = t.detail || '';
  if (t.phase === 'training') big = 'Training the model…';
  else if (t.phase === 'asking') big = mute(t) ? 'The model decides nothing rightly' : 'Accept the model?';
  else if (c && c.kind === 'cue') big = arrow(c.class) + c.class.replaceAll('_', ' ');
  else if (c && c.kind === 'rest') big = 'rest';
  else big = '…';
  if (c && c.trials) {
    $('cuebar').value = Math.min(1, c.trial / c.trials);
    $('cuetext').textContent = t.phase === 'calibrating' ? `trial ${c.trial} of ${c.trials}` : small;
  } else $('cuetext').textContent = small;
  if (big !== shownCue) {
    shownCue = big;
    $('cue').textContent = big;
    say(big);
  }
}
const arrow = (c) => /left/i.test(c) ? '← ' : /right/i.test(c) ? '→ ' : /(up|tongue)/i.test(c) ? '↑ ' : /(down|feet|foot)/i.test(c) ? '↓ ' : '';

// ---- asking ----

let asking = 0;
async function post(path, body, signal) {
  asking++;
  const slow = setTimeout(makeWay, 1500);
  try {
    const res = await fetch(path, {method: 'POST', headers: {'Content-Type': 'application/json'}, body: JSON.stringify(body), signal});
    return await res.json();
  } finally {
    clearTimeout(slow);
    if (--asking === 0 && away) wayIsMade();
  }
}

// What has asked for something and gives its connection up when that takes too long, or to an emergency stop.
const yielding = new Set();
async function bounded(seconds, ask) {
  const ours = new AbortController();
  const late = setTimeout(() => ours.abort(new Error(`for ${seconds} s`)), seconds * 1000);
  yielding.add(ours);
  try {
    return await ask(ours.signal);
  } finally {
    clearTimeout(late);
    yielding.delete(ours);
  }
}

// shown says up to when whoever asks has seen how the session is, and when something is asked for, by the decoder's clock: the time of
// the newest look that this page shows, and that plus the time since it came. The clock of this computer does not count, and what came to
// the decoder behind the look is not meant.
function shown() {
  const t = now.state && now.state.telemetry;
  return t && now.state.run ? {run: now.state.run, t_seen_ns: now.state.t_publish_ns, t_sent_ns: String(Math.round(atDecoder(t)))} : {};
}
// atDecoder is what the decoder's clock shows, by its newest look; rather less than more.
const atDecoder = (t) => t.t_publish_ns + (performance.now() - now.stateAt) * 1e6;

// once tells a request from any other: a browser may send it twice.
const once = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, '0')).join('');

async function verb(name, ...args) {
  const asked = {id: once(), verb: name, args, ...shown()}; // of now, whatever it waits for
  const known = now.about && now.about.verbs.find((v) => v.verb === name);
  if (known && known.fresh && !upToDate()) {
    note(`Not asked to ${name}: what you see is old, and something may have happened since. Ask when the page is up to date.`);
    return;
  }
  if (name === 'resume' && !(performance.now() - now.heldAt >= readable)) { // who presses when it has just come meant something else
    note(`Not asked to resume: what holds the session back has only just come (${now.held || 'nothing'}). Look whether all may move, and press again.`);
    return;
  }
  note('Asked to ' + [name, ...args].join(' ') + '.');
  try {
    const r = await bounded(60, (signal) => post('api/verb', asked, signal));
    note(r.ok ? `Done: ${name}.` : `Refused: ${name}: ${r.error}`);
  } catch (e) {
    note(`Failed: ${name}: no answer from the session (${e.message}).`);
  }
}

const fresh = 2000; // ms: what is asked for behind an older look at the session must let nothing move
const upToDate = () => performance.now() - now.stateAt < fresh;
const readable = 1000; // ms that the words must have been there which resume ends

const patience = 7000; // ms: the session answers a stop within 5.3 s, whatever becomes of it
const unanswered = new Map(); // stops, and how many newer ones were asked for, here or on another page
let presses = 0;

// stopFirst leaves a connection to a stop that has just been asked for, here or on another page, since they share six. Each press is a stop
// of its own: the one before may have been lifted meanwhile, or may hang with its connection. Three are enough to wait for.
function stopFirst() {
  for (const y of yielding) y.abort(new Error('an emergency stop goes first'));
  for (const [stop, newer] of unanswered) {
    unanswered.set(stop, newer + 1);
    if (newer === 2) stop.abort(new Error('newer stops go first'));
  }
}

async function emergency() {
  if (now.viewOnly) return;
  stopFirst();
  if (pages) pages.postMessage('stop');
  const again = unanswered.size > 0 ? ' again' : '';
  const ours = new AbortController();
  unanswered.set(ours, 0);
  makeWay();
  const at = clock();
  const press = ++presses;
  const newest = () => press === presses; // also where it has been answered: what comes of an older one is no news
  const tell = (kind, text, paused) => {
    const t = now.state && now.state.telemetry;
    showStop(kind, text);
    stood = t ? {at, held: paused, from: atDecoder(t) + 1e9} : {at, held: false, from: 0};
  };
  stood = null;
  showStop('bad', `EMERGENCY STOP asked for${again}, waiting for the controllers…`);
  const late = setTimeout(() => { if (newest()) tell('bad', `✕ NO ANSWER to the stop for ${patience / 1000} s. Stop by hand; press again to ask for another.`, false); }, patience);
  let told = null, paused = false;
  try {
    const r = await post('api/stop', {why: 'the button of the page'}, ours.signal);
    const who = (r.stand || []).map((a) => a.controller).join(', ');
    paused = Boolean(r.paused);
    if (r.ok) told = ['good', `✓ STOPPED: ${r.stand.length} controller${r.stand.length === 1 ? '' : 's'} confirmed (${who}) in ${Math.round(r.took_ms)} ms. Re-arm each where its actuator can be seen, then resume the session.`];
    else told = ['bad', `✕ NOT CONFIRMED: ${r.error}${r.paused ? '. This session sends no commands until it is resumed, and tells of the stop whoever hears it' : ''}${who ? '. Confirmed: ' + who : ''}`];
  } catch (e) {
    // A browser does not say how far it came: the connection may have broken behind the session's taking of it.
    told = ['bad', `✕ IT IS NOT KNOWN WHETHER THE STOP ARRIVED: no answer from the session (${e.message}). Stop by hand, with the device's own stop; press again to ask for another.`];
  }
  clearTimeout(late);
  if (told[0] === 'good' || newest()) tell(...told, paused); // of an older one only that all stand
  unanswered.delete(ours);
}

function buttons() {
  const t = now.state && now.state.telemetry;
  const p = t ? t.phase : '';
  // A calibration that shows no cues itself waits for those of its source, of which there may be no more: it can be given up.
  const judged = p === 'asking' || p === 'calibrating' && !now.state.cue;
  const off = {
    pause: !pausable(t), resume: !t || !t.held_by, shadow: !t || !!t.shadow, actuate: !t || !t.shadow, rollback: !(t && t.before), accept: p !== 'asking', refuse: !judged, repeat: !judged,
    freeze: !t || !t.adaptation || t.adaptation === 'frozen', thaw: !t || t.adaptation !== 'frozen',
  };
  for (const b of $('buttons').children) {
    const want = now.ended || off[b.dataset.verb];
    // A button with the focus stays one that can be pressed to: who works with the keyboard must not lose the place.
    if (document.activeElement === b) b.setAttribute('aria-disabled', String(want));
    else { b.disabled = want; b.removeAttribute('aria-disabled'); }
  }
  $('swapnow').disabled = now.ended || p === '' || p === 'resolving';
}

// A session takes a pause in every phase: in a calibration it holds back the model that is accepted.
const pausable = (t) => Boolean(t) && !t.held_by && t.phase !== 'ended';

// ---- what happened ----

let saying = 0;
function say(text) {
  const el = $('live');
  clearTimeout(saying);
  el.textContent = '';
  saying = setTimeout(() => { el.textContent = text; }, 50);
}

const clock = () => new Date().toLocaleTimeString('en-GB');

function note(text) {
  const li = document.createElement('li');
  const time = document.createElement('time');
  time.textContent = clock();
  li.append(time, text);
  $('log').prepend(li);
  while ($('log').children.length > 200) $('log').lastChild.remove();
  say(text);
}

// ---- drawing ----

let drawn = 0;
function frame(t) {
  requestAnimationFrame(frame);
  const every = calm.matches ? 1000 : 33; // who wants little motion gets a picture a second
  if (!dirty || t - drawn < every || document.hidden) return;
  drawn = t;
  dirty = false;
  draw.traces($('traces'), now, Number(chosen('scale')), Number(chosen('seconds')));
  draw.scores($('scores'), now);
  draw.actuator($('cursor'), now);
  draw.spectra($('spectra'), now);
  draw.scalp($('scalp'), now);
  draw.histogram($('ages'), now.about, now.state && now.state.age, 'ages');
  draw.histogram($('latencies'), now.about, now.state && now.state.latency, 'latencies');
}

// Texts beside the pictures change once a second: no screen reader could follow more.
setInterval(() => {
  stale();
  silence();
  waiting();
  if (!now.about) return;
  const d = now.decisions[now.decisions.length - 1];
  if (d) {
    $('decision').textContent = d.kind === 'none' ? 'no control' : d.kind === 'continuous' ? (d.value || []).map((v) => num(v, 2)).join(', ') : `${arrow(d.label)}${d.label} ${Math.round(100 * d.confidence)} %`;
    $('scores').setAttribute('aria-label', 'Scores over time. Newest: ' + (d.scores || []).map((s) => `${s.label} ${num(s.p, 2)}`).join(', '));
    draw.legend($('legend'), d);
  }
  draw.texts(now, $);
}, 1000);

// ---- controls ----

$('stop').addEventListener('click', emergency);
$('buttons').addEventListener('click', (e) => {
  const b = e.target.closest('button');
  if (!b || b.getAttribute('aria-disabled') === 'true') return;
  verb(b.dataset.verb);
});
$('swap').addEventListener('submit', (e) => {
  e.preventDefault();
  verb('swap', $('bundle').value);
});
const login = (token) => bounded(20, (signal) => post('login', {token}, signal));
$('login').addEventListener('submit', async (e) => {
  e.preventDefault();
  const r = await login($('token').value).catch((err) => ({ok: false, error: err.message}));
  $('token').value = '';
  if (!r.ok) {
    $('loginwrong').textContent = r.error;
    return;
  }
  $('login').hidden = true;
  $('main').hidden = false;
  connect();
});
function page(step) {
  const n = now.about ? now.about.channels.length : 0;
  const first = Math.max(0, now.first + step * now.count);
  if (first >= n || first === now.first) return;
  now.first = first;
  clearTraces();
  channels();
  connect();
}
$('chprev').addEventListener('click', () => page(-1));
$('chnext').addEventListener('click', () => page(1));
$('band').addEventListener('change', () => { now.band = chosen('band'); now.scalp = null; connect(); });
for (const id of ['scale', 'seconds']) $(id).addEventListener('change', () => { dirty = true; });

const themes = ['auto', 'light', 'dark'];
function theme(name) {
  document.documentElement.dataset.theme = name;
  document.querySelector(`#theme [value="${name}"]`).checked = true;
  localStorage.setItem('theme', name);
  dirty = true;
}
$('theme').addEventListener('change', () => theme(chosen('theme')));
const stored = localStorage.getItem('theme');
theme(themes.includes(stored) ? stored : 'auto');
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => { dirty = true; });
document.addEventListener('visibilitychange', () => { now.heldAt = performance.now(); }); // nobody reads a page that is not shown
addEventListener('resize', () => { dirty = true; });
$('keys').checked = localStorage.getItem('keys') !== 'off';
$('keys').addEventListener('change', () => localStorage.setItem('keys', $('keys').checked ? 'on' : 'off'));

addEventListener('keydown', (e) => {
  if (e.ctrlKey || e.metaKey || e.altKey || e.repeat) return;
  if (e.key === 'Escape') {
    emergency();
    return;
  }
  if (!$('keys').checked || e.target.matches('input:not([type="checkbox"], [type="radio"])')) return;
  const t = now.state && now.state.telemetry;
  switch (e.key) {
    case 's': case 'S': emergency(); break;
    case 'p': case 'P':
      if (now.viewOnly) break;
      // It never resumes: who presses it to make safe must not lift what has come meanwhile. Nor is it kept back by what the page shows of before.
      if (!t || t.held_by || pausable(t) || !upToDate()) verb('pause');
      else note('There is nothing to pause.');
      break;
    case 'r': case 'R':
      if (now.viewOnly) break;
      if (t && t.held_by) verb('resume');
      else note('There is nothing to resume.');
      break;
    case '[': page(-1); break;
    case ']': page(1); break;
    case 't': case 'T': theme(themes[(themes.indexOf(document.documentElement.dataset.theme) + 1) % themes.length]); break;
    case '?': $('help').open = !$('help').open; if ($('help').open) $('help').scrollIntoView({block: 'nearest'}); break;
    default: return;
  }
  e.preventDefault();
});

// A token behind # in the address is shown to the server and taken out of the address at once; it never leaves this page in a URL.
(async () => {
  const token = location.hash.startsWith('#token=') ? decodeURIComponent(location.hash.slice(7)) : '';
  if (token) {
    history.replaceState(null, '', location.pathname);
    await login(token).catch(() => null);
  }
  connect();
  requestAnimationFrame(frame);
})();
