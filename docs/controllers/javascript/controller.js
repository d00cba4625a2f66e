// A controller in JavaScript (Node.js, @nats-io/transport-node). It follows the rules of docs/protocol.md and prints what
// it acts on.
//
//     node controller.js nats://127.0.0.1:4222 s1 decoder
//
// The key r (and Enter) on standard input re-arms it: behind an emergency stop, and where it shows older_run.
//
// Node has one thread: whatever blocks it keeps the watchdog from barking. Nothing else may run in this process, and the
// actuator needs a watchdog of its own. JSON.parse rounds times to 256 ns, which does no harm here.
import { connect } from "@nats-io/transport-node";

const WATCHDOG = 250, MAX_VALID = 10_000, ELDER_SILENCE = 2000, ECHO = 500, DEAF = 2000, LOOK_FIRST = 500, STOOD_STILL = 2000; // ms, like all times here
const [url, session, decoder] = process.argv.slice(2);
const token = /^[A-Za-z0-9_-]{1,64}$/;
if (process.argv.length !== 5 || !token.test(session) || !token.test(decoder)) {
  console.error("usage: controller.js URL SESSION DECODER");
  process.exit(2);
}

const say = (...words) => process.stdout.write(words.join(" ") + "\n");
const stop = (why) => say("safe", why); // stops the actuator: of this one there is nothing but its words

const number = (x, low, high = Infinity) => typeof x === "number" && Number.isFinite(x) && low <= x && x <= high;
const whole = (x) => Number.isInteger(x) && x > 0;

// How much longer than the fastest message of its run a message was on its way: rules 4 and 5.
class Transit {
  base = null; raised = 0; even = false; evenAt = 0; alive = false; nonce = ""; asked = 0; beats = 0; first = 0; firstPublished = 0; anchor = 0;

  doubt() { this.even = this.alive = false; this.nonce = ""; this.beats = 0; }
  get proven() { return this.even && this.alive; } // the delays are even, and it is no recording
  deaf(now) { return this.even && !this.alive && now - this.evenAt >= DEAF; } // all but the nonce has been there for long
  challenge(now) { // a nonce that the decoder is to send back, or ""
    if (this.alive || (this.nonce && now - this.asked <= ECHO)) return "";
    this.nonce = Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");
    this.asked = now;
    return this.nonce;
  }
  echo(now, nonces) {
    if (this.nonce && now - this.asked <= ECHO && Array.isArray(nonces) && nonces.includes(this.nonce)) { this.alive = true; this.nonce = ""; }
  }
  excess(delay) { return this.base === null ? 0 : Math.max(0, delay - this.base); }
  window(now, published, d) { this.beats = 1; this.first = now; this.firstPublished = published; this.anchor = d; }

  beat(now, published) {
    const delay = now - published;
    this.base = this.base === null ? delay : Math.min(this.base + (now - this.raised) * 500e-6, delay); // rule 4
    this.raised = now;
    if (this.beats === 0 || delay < this.anchor - 20) { // rule 5
      this.even = false;
      this.window(now, published, delay);
    } else if (++this.beats >= 4 && now - this.first >= 250 && published - this.firstPublished >= 250) {
      if (!this.even) { this.even = true; this.evenAt = now; }
      this.window(now, published, this.base);
    }
  }

  command(now, published) {
    const delay = now - published;
    if (this.base === null || delay >= this.base) return;
    this.base = delay;
    if (delay < this.anchor - 20) this.doubt();
  }
}

// A run that is older than the newest, and alone to be alive where its transit is proven: rule 2.
const newElder = (run = 0) => ({ run, beatSeq: 0, cmdSeq: 0, heard: 0, transit: new Transit() });

// The rules. The run that is followed and the newest ever seen; the watchdog; the held command.
let run = 0, newest = 0, seq = 0, beatSeq = 0, waits = 0, ended = false, shadow = false, spoke = 0;
let transit = new Transit(), elder = newElder();
let heard = null, held = null, latched = false, struck = 0, speaks = false, deaf = false; // speaks: of nonces; deaf: it sends none back

// An emergency stop: an id that tells it from others, "" for none, and the words that are handed on. first is when it came, last when a
// message of it last did.
function newStop(m, first, last) {
  const bytes = (text) => new TextEncoder().encode(text);
  const cut = (text) => bytes(text).length <= 1000 ? text : new TextDecoder().decode(bytes(text).subarray(0, 1000), { stream: true }) + "…";
  const s = { id: typeof m.id === "string" && bytes(m.id).length <= 64 ? m.id : "", words: {}, first, last };
  for (const k of ["source", "why"]) if (typeof m[k] === "string") s.words[k] = cut(m[k]);
  return s;
}

// The emergency stops that are known: rule 12.
const stops = {
  met: [], lifted: [], free: -Infinity, // met: in force, the newest last; lifted: ids, the newest last

  hear(m, now) { // a message: it counts whatever was lifted before
    const s = newStop(m, Math.max(now, this.met.at(-1)?.first ?? now), now);
    this.lifted = this.lifted.filter((id) => id !== s.id);
    const known = this.met.find((k) => k.id === s.id && (s.id || (k.words.source === s.words.source && k.words.why === s.words.why)));
    if (known && (s.id || now - known.last < 1000)) { // it is sent again and again
      known.last = now;
      return;
    }
    this.met = this.met.filter((k) => k !== known); // the same words for another one
    this.meet(s);
  },
  told(m, now) { // by a heartbeat; true where it is another one, which was not lifted here
    const since = now - (number(m.since_ms, 0, 1e12) ? m.since_ms : 0), s = newStop(m, since, since);
    if (this.lifted.includes(s.id) || (!s.id && since <= this.free)) return false;
    if (this.met.some((k) => s.id ? k.id === s.id : k.first - 1000 <= since && since <= k.last + 1000)) return false;
    this.meet(s);
    return true;
  },
  meet(s) { this.met = [...this.met, s].sort((a, b) => a.first - b.first).slice(-64); },
  lift(now) {
    this.lifted = [...this.lifted, ...this.met.filter((s) => s.id).map((s) => s.id)].slice(-1024);
    this.met = [];
    this.free = now;
  },
  standing(now, seq) { // what a heartbeat that asks is told: by its number all stops that are in force in turn; null where none is
    if (this.met.length === 0) return null;
    const s = this.met[seq % this.met.length];
    return { since_ms: Math.min(Math.max(now - s.last, 0), 1e12), ...(s.id && { id: s.id }), ...s.words };
  },
};
function emergency(now) { latched = true; struck = now; held = null; stop("emergency"); }

// For how long all that came was heard here: who was not there all the time cannot say that no stop came. Rule 12.
const listening = {
  since: null, last: null, // on two clocks: the steady one stands while the machine sleeps, and the one on the wall may be set

  now: () => [performance.now(), Date.now()],
  begin() { this.since = this.last = this.now(); }, // subscribed, or the link is back
  end() { this.since = null; },
  turn() { // in ms, 0 where there is no link; it is called again and again, which shows whether this process stood still
    const now = this.now(), since = (then) => now.map((t, k) => t - then[k]);
    if (this.since) {
      const [steady, wall] = since(this.last);
      if (Math.max(steady, wall, steady - wall) >= STOOD_STILL) this.since = now;
    }
    this.last = now;
    return this.since ? Math.max(0, Math.min(...since(this.since))) : 0;
  },
};

const safe = (why) => { if (held) { held = null; stop(why); } };
const shade = () => { shadow = true; safe("shadow"); }; // rule 13
const ageHeld = () => { if (held) held.excess = Math.max(held.excess, transit.excess(held.delay)); };

function begin(r) {
  run = r; seq = 0; beatSeq = 0; waits = 0; ended = shadow = speaks = deaf = false; transit = new Transit();
}

const ours = (m) => m.v === 1 && m.session === session && // of any decoder of the session
  whole(m.run) && whole(m.seq) && whole(m.t_publish_ns) && m.t_publish_ns >= m.run;
const valid = (m) => ours(m) && m.decoder === decoder; // rule 1

function follow(r, now) { // rule 2
  if (r !== run) {
    if (r <= newest) return false;
    safe("restarted");
    begin(r);
    newest = r;
  }
  spoke = now;
  elder = newElder();
  return true;
}

function older(m, now) { // rule 2: a heartbeat of a run that is not followed
  if (held || (!ended && now - spoke < ELDER_SILENCE) || m.state === "ended") { elder = newElder(); return; }
  if (m.run < elder.run && now <= elder.heard + WATCHDOG) return; // of two, the newer
  if (m.run !== elder.run) elder = newElder(m.run);
  else if (m.seq <= elder.beatSeq) return;
  else if (now > elder.heard + WATCHDOG) elder.transit.doubt();
  const published = m.t_publish_ns / 1e6;
  elder.beatSeq = m.seq; elder.cmdSeq = Math.max(elder.cmdSeq, m.cmd_seq); elder.heard = now;
  elder.transit.beat(now, published);
  elder.transit.echo(now, m.nonces);
  if (elder.transit.excess(now - published) > WATCHDOG) elder.transit.doubt();
}

function onStatus(m, now) {
  advance(now);
  if (!["waiting", "decoding", "ended"].includes(m.state) || !valid(m) || !(m.cmd_seq === 0 || whole(m.cmd_seq))) return;
  if (!follow(m.run, now)) return older(m, now);
  if (m.seq <= beatSeq) return;
  beatSeq = m.seq;
  speaks ||= Array.isArray(m.nonces);
  if (m.stop !== null && typeof m.stop === "object" && stops.told(m.stop, now)) emergency(now); // rule 12
  const published = m.t_publish_ns / 1e6;
  transit.beat(now, published);
  transit.echo(now, m.nonces);
  ageHeld();
  if (transit.excess(now - published) > WATCHDOG) transit.doubt(); else heard = now;
  if (m.shadow) shade();
  if (m.state === "waiting") { // rule 8
    waits = Math.max(waits, m.cmd_seq);
    if (held && held.command.seq <= waits) safe("waiting");
  }
  if (m.state === "ended") { ended = true; shadow = false; safe("ended"); }
  advance(now);
}

// What the decoder of a heartbeat is asked to send back, or "": rule 5.
function challenge(m, now) {
  if (!valid(m) || m.state === "ended") return "";
  if (m.run === run && !ended) return transit.challenge(now);
  return m.run === elder.run ? elder.transit.challenge(now) : "";
}

function onCommand(m, now) {
  advance(now);
  if (!possible(m) || !valid(m)) return;
  const published = m.t_publish_ns / 1e6;
  if (!follow(m.run, now) || ended) {
    if (m.run === elder.run) { elder.cmdSeq = Math.max(elder.cmdSeq, m.seq); elder.transit.command(now, published); }
    return;
  }
  if (m.seq <= seq) return;
  seq = m.seq;
  transit.command(now, published);
  ageHeld();
  if (m.state !== "actuate") return shade(); // however old it is, and it feeds no watchdog
  const delay = now - published, excess = transit.excess(delay);
  if (!transit.proven || m.seq <= waits || excess > m.valid_for_ms) return advance(now);
  heard = now;
  if (latched) return;
  shadow = false;
  held = { command: m, arrival: now, delay, excess, allowed: m.valid_for_ms };
}

function possible(m) {
  const scores = m.scores ?? [], value = m.value ?? [];
  return ["actuate", "shadow"].includes(m.state) && // where it is missing nobody said that it may be acted on
    number(m.valid_for_ms, m.state === "shadow" ? 0 : Number.MIN_VALUE, MAX_VALID) && number(m.age_ms, 0) && number(m.confidence ?? 0, 0, 1) &&
    Array.isArray(scores) && scores.every((s) => s !== null && number(s.p, 0, 1)) &&
    Array.isArray(value) && value.every((v) => number(v, -Infinity)) &&
    (m.kind === "none" || (m.kind === "continuous" && value.length > 0) ||
      (m.kind === "class" && typeof m.label === "string" && m.label !== "" && (scores.length === 0 || scores.some((s) => s.label === m.label))));
}

function advance(now) { // rules 6 and 8
  if (elder.transit.proven && now > elder.heard + WATCHDOG) elder.transit.doubt();
  if (held && held.excess + now - held.arrival > held.allowed) safe("expired");
  if (heard !== null && now > heard + WATCHDOG) {
    heard = null;
    shadow = false;
    transit.doubt();
    safe("watchdog");
  }
  deaf = !ended && transit.deaf(now);
}

// What an operator can do something about, where nothing is acted on.
function shows() {
  if (latched || held) return "";
  if (elder.transit.proven) return "older_run";
  if (deaf) return speaks ? "unanswered" : "old_decoder"; // a recording, or it is not reached; or it is older than this controller: update it
  return shadow ? "shadow" : "";
}

// An operator who sees the actuator lifts the latch, and says that the older run that is shown is the decoder.
function rearm(now) {
  advance(now);
  if (latched && now - struck < LOOK_FIRST) { // the key is of before, or of somebody who has not looked
    console.error("not re-armed: a stop came just now; look whether all may move, and press again");
    return;
  }
  const older = shows() === "older_run";
  latched = false;
  stops.lift(now);
  if (!older) return;
  const e = elder;
  begin(e.run);
  seq = e.cmdSeq; beatSeq = e.beatSeq; transit = e.transit; spoke = heard = e.heard; elder = newElder();
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
  ignoreClusterUpdates: true, // servers that a server speaks of were not given to us: nobody looked whether they may be spoken to
});
nc.subscribe(`gyrus.${session}.stop`, {
  callback: (_err, msg) => { // rule 12: whatever has arrived
    const now = performance.now();
    emergency(now);
    stops.hear(msg ? parse(msg.data) : {}, now);
    if (msg) answer(msg, { controller: name });
  },
});
function answer(msg, more) {
  if (msg.reply && !msg.reply.startsWith("gyrus.")) msg.respond(JSON.stringify({ v: 1, session, decoder, ...more }));
}
const on = (handle) => ({ callback: (err, msg) => { const now = performance.now(); if (!err) handle(parse(msg.data), now); } });
nc.subscribe(`gyrus.${session}.status`, {
  callback: (err, msg) => {
    const now = performance.now();
    if (err) return;
    const m = parse(msg.data);
    onStatus(m, now);
    if (!msg.reply || !ours(m)) return;
    const nonce = challenge(m, now), standing = stops.standing(now, m.seq), listens_ms = listening.turn();
    if (nonce) answer(msg, { nonce });
    if (standing) answer(msg, { controller: name, ...standing }); // a decoder asks whether a stop is in force
    else if (m.unheard === true) answer(msg, { controller: name, clear: true, listens_ms, seq: m.seq }); // whether none is: its link was broken
  },
});
nc.subscribe(`gyrus.${session}.cmd.${decoder}`, on(onCommand));
await nc.flush();
listening.begin();
say("ready");

(async () => {
  for await (const s of nc.status()) {
    if (s.type === "disconnect") { transit.doubt(); elder.transit.doubt(); shadow = false; safe("link"); listening.end(); }
    if (s.type === "reconnect") listening.begin(); // and it has subscribed again
  }
})();

process.stdin.on("data", (bytes) => { if (/r/i.test(bytes)) rearm(performance.now()); });
process.stdin.on("error", (err) => console.error("no more keys:", err.message)); // a terminal that is gone must not end us

let acted = "", shown = "";
const loop = setInterval(() => {
  listening.turn();
  advance(performance.now());
  if (shows() !== shown) {
    shown = shows();
    if (shown) say("shows", shown);
  }
  const id = held && `${held.command.run} ${held.command.seq}`;
  if (held && id !== acted) { // an actuator would be moved at every turn
    acted = id;
    say("act", held.command.seq, held.command.label ?? "");
  }
}, 10);

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  process.once(signal, async () => {
    clearInterval(loop); // the actuator first
    held = null;
    stop("stopped");
    await nc.close();
    process.exit(0);
  });
}
