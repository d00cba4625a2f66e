// A controller in JavaScript (Node.js, @nats-io/transport-node). It follows the rules of docs/protocol.md and prints what
// it acts on.
//
//     node controller.js nats://127.0.0.1:4222 s1 decoder
//
// Node has one thread: whatever blocks it keeps the watchdog from barking. Nothing else may run in this process, and the
// actuator needs a watchdog of its own. JSON.parse rounds times to 256 ns, which does no harm here.
import { connect } from "@nats-io/transport-node";

const WATCHDOG = 250, MAX_VALID = 10_000; // ms, like all times here
const [url, session, decoder] = process.argv.slice(2);
const token = /^[A-Za-z0-9_-]{1,64}$/;
if (process.argv.length !== 5 || !token.test(session) || !token.test(decoder)) {
  console.error("usage: controller.js URL SESSION DECODER");
  process.exit(2);
}

const say = (...words) => process.stdout.write(words.join(" ") + "\n");
const stop = (why) => say("safe", why); // stops the actuator: of this one there is nothing but its words

// The rules. state of the run; the base of rule 4 and its proof of rule 5; the watchdog; the held command.
let run = 0, seq = 0, beatSeq = 0, ended = false;
let base = null, raised = 0, proven = false, beats = 0, first = 0, firstPublished = 0, anchor = 0;
let heard = null, held = null, latched = false, stood = null; // stood: the newest emergency stop and when it came

const number = (x, low, high = Infinity) => typeof x === "number" && Number.isFinite(x) && low <= x && x <= high;
const whole = (x) => Number.isInteger(x) && x > 0;
const excess = (delay) => Math.max(0, delay - base);
const doubt = () => { proven = false; beats = 0; };
const safe = (why) => { if (held) { held = null; stop(why); } };
const openWindow = (now, published, d) => { beats = 1; first = now; firstPublished = published; anchor = d; };
const ageHeld = () => { if (held) held.excess = Math.max(held.excess, excess(held.delay)); };

function follow(m) { // rules 1 and 2
  if (m.v !== 1 || m.session !== session || m.decoder !== decoder) return false;
  if (!whole(m.run) || !whole(m.seq) || !whole(m.t_publish_ns) || m.t_publish_ns < m.run || m.run < run) return false;
  if (m.run > run) {
    safe("restarted");
    run = m.run; seq = 0; beatSeq = 0; ended = false; base = null;
    doubt();
  }
  return true;
}

function onStatus(m, now) {
  advance(now);
  if (!["waiting", "decoding", "ended"].includes(m.state) || !follow(m) || m.seq <= beatSeq) return;
  beatSeq = m.seq;
  const published = m.t_publish_ns / 1e6, delay = now - published;
  base = base === null ? delay : Math.min(base + (now - raised) * 500e-6, delay); // rule 4
  raised = now;
  if (beats === 0 || delay < anchor - 20) { // rule 5
    proven = false;
    openWindow(now, published, delay);
  } else if (++beats >= 4 && now - first >= 250 && published - firstPublished >= 250) {
    proven = true;
    openWindow(now, published, base);
  }
  ageHeld();
  if (excess(delay) > WATCHDOG) doubt(); else heard = now;
  if (m.state === "ended") { ended = true; safe("ended"); }
  advance(now);
}

function onCommand(m, now) {
  advance(now);
  if (!possible(m) || !follow(m) || ended || m.seq <= seq) return;
  seq = m.seq;
  const delay = now - m.t_publish_ns / 1e6;
  if (base !== null && delay < base) {
    base = delay;
    if (delay < anchor - 20) doubt();
  }
  ageHeld();
  if (!proven || excess(delay) > m.valid_for_ms) return advance(now);
  heard = now;
  if (!latched) held = { command: m, arrival: now, delay, excess: excess(delay), allowed: m.valid_for_ms };
}

function possible(m) {
  const scores = m.scores ?? [], value = m.value ?? [];
  return number(m.valid_for_ms, Number.MIN_VALUE, MAX_VALID) && number(m.age_ms, 0) && number(m.confidence ?? 0, 0, 1) &&
    Array.isArray(scores) && scores.every((s) => s !== null && number(s.p, 0, 1)) &&
    Array.isArray(value) && value.every((v) => number(v, -Infinity)) &&
    (m.kind === "none" || (m.kind === "continuous" && value.length > 0) ||
      (m.kind === "class" && typeof m.label === "string" && m.label !== "" && (scores.length === 0 || scores.some((s) => s.label === m.label))));
}

function advance(now) { // rules 6 and 8
  if (held && held.excess + now - held.arrival > held.allowed) safe("expired");
  if (heard !== null && now > heard + WATCHDOG) {
    heard = null;
    doubt();
    safe("watchdog");
  }
}

function parse(data) {
  try {
    const m = data.length <= 65536 ? JSON.parse(new TextDecoder().decode(data)) : null;
    return m !== null && typeof m === "object" ? m : {};
  } catch {
    return {};
  }
}

stop("never");
const name = crypto.randomUUID();
const nc = await connect({
  servers: url, name: "example-javascript", maxReconnectAttempts: -1, reconnectTimeWait: 100, reconnectJitter: 50, pingInterval: 300, maxPingOut: 2,
});
nc.subscribe(`gyrus.${session}.stop`, {
  callback: (_err, msg) => { // rule 12: whatever has arrived
    latched = true;
    held = null;
    stop("emergency");
    stood = { stop: msg ? parse(msg.data) : {}, at: performance.now() };
    if (msg) answer(msg, {});
  },
});
function answer(msg, more) {
  if (msg.reply && !msg.reply.startsWith("gyrus.")) msg.respond(JSON.stringify({ v: 1, session, decoder, controller: name, ...more }));
}
const words = (s) => Object.fromEntries(["source", "why"].filter((k) => typeof s[k] === "string").map((k) => [k, s[k].slice(0, 200)]));
const on = (handle) => ({ callback: (err, msg) => { const now = performance.now(); if (!err) handle(parse(msg.data), now); } });
nc.subscribe(`gyrus.${session}.status`, {
  callback: (err, msg) => {
    const now = performance.now();
    if (err) return;
    onStatus(parse(msg.data), now);
    if (stood) answer(msg, { since_ms: now - stood.at, ...words(stood.stop) }); // a decoder asks whether a stop is in force
  },
});
nc.subscribe(`gyrus.${session}.cmd.${decoder}`, on(onCommand));
await nc.flush();
say("ready");

(async () => {
  for await (const s of nc.status()) {
    if (s.type === "disconnect") { doubt(); safe("link"); }
  }
})();

let acted = "";
const loop = setInterval(() => {
  advance(performance.now());
  const id = held && `${held.command.run} ${held.command.seq}`;
  if (held && id !== acted) { // an actuator would be moved at every turn
    acted = id;
    say("act", held.command.seq, held.command.label ?? "");
  }
}, 10);

for (const signal of ["SIGINT", "SIGTERM"]) {
  process.once(signal, async () => {
    clearInterval(loop); // the actuator first
    held = null;
    stop("stopped");
    await nc.close();
    process.exit(0);
  });
}
