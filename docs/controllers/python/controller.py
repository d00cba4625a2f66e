"""A controller in Python (nats-py). It follows the rules of docs/protocol.md and prints what it acts on.

    python controller.py nats://127.0.0.1:4222 s1 decoder

The key r (and Enter) on standard input re-arms it: behind an emergency stop, and where it shows older_run.

Messages arrive on the asyncio loop; the control loop is a thread of its own with a steady clock, so that nothing that
blocks the asyncio loop keeps the actuator from being stopped.
"""
import asyncio
import json
import math
import os
import re
import secrets
import signal
import sys
import threading
import time
import uuid

import nats

MS = 1_000_000
WATCHDOG, MAX_VALID, ELDER_SILENCE, ECHO, DEAF = 250 * MS, 10_000 * MS, 2000 * MS, 500 * MS, 2000 * MS
LOOK_FIRST, STOOD_STILL = 500 * MS, 2000 * MS
TOKEN = re.compile(r"[A-Za-z0-9_-]{1,64}")


def number(x, low, high=math.inf):
    return isinstance(x, (int, float)) and not isinstance(x, bool) and math.isfinite(x) and low <= x <= high


def whole(m, *keys):
    return all(isinstance(m.get(k), int) and not isinstance(m.get(k), bool) and 0 < m[k] < 2**63 for k in keys)


class Transit:
    """How much longer than the fastest message of its run a message was on its way: rules 4 and 5."""

    def __init__(self):
        self.base = self.raised = None
        self.doubt()

    def doubt(self):
        self.even, self.alive, self.nonce, self.beats = False, False, None, 0

    @property
    def proven(self):  # the delays are even, and it is no recording
        return self.even and self.alive

    def deaf(self, now):
        """All but the nonce has been there for so long that none will come."""
        return self.even and not self.alive and now - self.even_at >= DEAF

    def challenge(self, now):
        """A nonce that the decoder is to send back, or None."""
        if self.alive or (self.nonce and now - self.asked <= ECHO):
            return None
        self.nonce, self.asked = secrets.token_hex(16), now
        return self.nonce

    def echo(self, now, nonces):
        if self.nonce and now - self.asked <= ECHO and isinstance(nonces, list) and self.nonce in nonces:
            self.alive, self.nonce = True, None

    def excess(self, delay):
        return 0 if self.base is None else max(0, delay - self.base)

    def beat(self, now, published):
        delay = now - published
        if self.base is None:
            self.base = delay
        else:  # rule 4: 500 ppm
            self.base = min(self.base + (now - self.raised) // 2000, delay)
        self.raised = now
        if self.beats == 0 or delay < self.anchor - 20 * MS:  # rule 5
            self.even = False
            self.window(now, published, delay)
        else:
            self.beats += 1
            if self.beats >= 4 and now - self.first >= 250 * MS and published - self.first_published >= 250 * MS:
                if not self.even:
                    self.even, self.even_at = True, now
                self.window(now, published, self.base)

    def window(self, now, published, anchor):
        self.beats, self.first, self.first_published, self.anchor = 1, now, published, anchor

    def command(self, now, published):
        delay = now - published
        if self.base is not None and delay < self.base:
            self.base = delay
            if delay < self.anchor - 20 * MS:
                self.doubt()


class Elder:
    """A run that is older than the newest, and alone to be alive where its transit is proven: rule 2."""

    def __init__(self, run=0):
        self.run, self.beat_seq, self.cmd_seq, self.heard, self.transit = run, 0, 0, 0, Transit()


class Stop:
    """An emergency stop: an id that tells it from others, "" for none, and the words that are handed on."""

    def __init__(self, m, first, last):
        i = m.get("id")
        self.id = i if isinstance(i, str) and len(i.encode("utf-8", "surrogatepass")) <= 64 else ""
        self.words = {k: self.cut(m[k]) for k in ("source", "why") if isinstance(m.get(k), str)}
        self.first, self.last = first, last  # when it came, and when a message of it last did

    @staticmethod
    def cut(text):
        data = text.encode("utf-8", "replace")
        return text if len(data) <= 1000 else data[:1000].decode("utf-8", "ignore") + "…"


class Stops:
    """The emergency stops that are known: rule 12."""

    def __init__(self):
        self.met, self.lifted, self.free = [], [], None  # met: in force, the newest last; lifted: ids, the newest last

    def hear(self, m, now):
        """A message: it counts whatever was lifted before."""
        s = Stop(m, max([now, *(k.first for k in self.met[-1:])]), now)
        self.lifted = [i for i in self.lifted if i != s.id]
        for k in self.met:
            if k.id == s.id and (s.id or k.words == s.words):
                if s.id or now - k.last < 1000 * MS:  # it is sent again and again
                    k.last = now
                    return
                self.met.remove(k)  # the same words for another one
                break
        self.meet(s)

    def told(self, m, now):
        """What a heartbeat says that the decoder is held back by. True where that is another stop, which was not lifted here."""
        ago = m.get("since_ms", 0)
        since = now - int(ago * MS) if number(ago, 0, 1e12) else now
        s = Stop(m, since, since)
        if s.id in self.lifted or (not s.id and self.free is not None and since <= self.free):
            return False
        if any(k.id == s.id if s.id else k.first - 1000 * MS <= since <= k.last + 1000 * MS for k in self.met):
            return False
        self.meet(s)
        return True

    def meet(self, s):
        self.met = sorted([*self.met, s], key=lambda k: k.first)[-64:]

    def lift(self, now):
        self.lifted = (self.lifted + [s.id for s in self.met if s.id])[-1024:]
        self.met, self.free = [], now

    def standing(self, now, seq):
        """What a heartbeat that asks is told: by its number all stops that are in force in turn; None where none is."""
        if not self.met:
            return None
        s = self.met[seq % len(self.met)]
        return {"since_ms": min(max(now - s.last, 0) / MS, 1e12), **({"id": s.id} if s.id else {}), **s.words}


class Listening:
    """For how long all that came was heard here: who was not there all the time cannot say that no stop came. Rule 12."""

    def __init__(self):
        self.since, self.last = None, self.now()

    @staticmethod
    def now():  # two clocks: the steady one stands while the machine sleeps, and the one on the wall may be set
        return time.monotonic_ns(), time.time_ns()

    def begin(self):  # subscribed, or the link is back
        self.since = self.last = self.now()

    def end(self):
        self.since = None

    def turn(self):
        """In ms, 0 where there is no link. It is called again and again, which shows whether this process stood still."""
        now = self.now()
        steady, wall = (a - b for a, b in zip(now, self.last))
        if self.since and max(steady, wall, steady - wall) >= STOOD_STILL:
            self.since = now
        self.last = now
        return max(0, min(a - b for a, b in zip(now, self.since))) / MS if self.since else 0


class Judge:
    """The rules. Times are nanoseconds of the receiver's steady clock; self.lock is held by whoever calls."""

    def __init__(self, session, decoder, stop):
        self.session, self.decoder, self.stop = session, decoder, stop
        self.lock = threading.Lock()
        self.heard, self.latched, self.held, self.stops, self.listening = None, False, None, Stops(), Listening()
        self.newest = self.spoke = 0
        self.elder = Elder()
        self.begin(0)
        stop("never")

    def begin(self, run):
        self.run, self.seq, self.beat_seq, self.waits, self.ended, self.shadow = run, 0, 0, 0, False, False
        self.transit, self.speaks, self.deaf = Transit(), False, False

    def safe(self, why):
        if self.held:
            self.held = None
            self.stop(why)

    def shade(self):  # rule 13
        self.shadow = True
        self.safe("shadow")

    def ours(self, m):  # of any decoder of the session
        return m.get("v") == 1 and m.get("session") == self.session and whole(m, "run", "seq", "t_publish_ns") and m["t_publish_ns"] >= m["run"]

    def valid(self, m):  # rule 1
        return self.ours(m) and m.get("decoder") == self.decoder

    def follow(self, run, now):  # rule 2
        if run != self.run:
            if run <= self.newest:
                return False
            self.safe("restarted")
            self.begin(run)
            self.newest = run
        self.spoke, self.elder = now, Elder()
        return True

    def older(self, m, now):  # rule 2: a heartbeat of a run that is not followed
        e = self.elder
        if self.held or (not self.ended and now - self.spoke < ELDER_SILENCE) or m["state"] == "ended":
            self.elder = Elder()
            return
        if m["run"] < e.run and now <= e.heard + WATCHDOG:
            return  # of two, the newer
        if m["run"] != e.run:
            e = self.elder = Elder(m["run"])
        elif m["seq"] <= e.beat_seq:
            return
        elif now > e.heard + WATCHDOG:
            e.transit.doubt()
        e.beat_seq, e.cmd_seq, e.heard = m["seq"], max(e.cmd_seq, m["cmd_seq"]), now
        e.transit.beat(now, m["t_publish_ns"])
        e.transit.echo(now, m.get("nonces"))
        if e.transit.excess(now - m["t_publish_ns"]) > WATCHDOG:
            e.transit.doubt()

    def status(self, m, now):
        self.advance(now)
        if m.get("state") not in ("waiting", "decoding", "ended") or not self.valid(m) or not (m.get("cmd_seq") == 0 or whole(m, "cmd_seq")):
            return
        if not self.follow(m["run"], now):
            self.older(m, now)
            return
        if m["seq"] <= self.beat_seq:
            return
        self.beat_seq, self.speaks = m["seq"], self.speaks or isinstance(m.get("nonces"), list)
        if isinstance(m.get("stop"), dict) and self.stops.told(m["stop"], now):  # rule 12
            self.emergency(now)
        self.transit.beat(now, m["t_publish_ns"])
        self.transit.echo(now, m.get("nonces"))
        self.age_held()
        if self.transit.excess(now - m["t_publish_ns"]) > WATCHDOG:
            self.transit.doubt()
        else:
            self.heard = now
        if m.get("shadow"):
            self.shade()
        if m["state"] == "waiting":  # rule 8
            self.waits = max(self.waits, m["cmd_seq"])
            if self.held and self.held["command"]["seq"] <= self.waits:
                self.safe("waiting")
        if m["state"] == "ended":
            self.ended, self.shadow = True, False
            self.safe("ended")
        self.advance(now)

    def challenge(self, m, now):
        """What the decoder of a heartbeat is asked to send back, or None: rule 5."""
        if not self.valid(m) or m.get("state") == "ended":
            return None
        if m["run"] == self.run and not self.ended:
            return self.transit.challenge(now)
        return self.elder.transit.challenge(now) if m["run"] == self.elder.run else None

    def age_held(self):
        if self.held:
            self.held["excess"] = max(self.held["excess"], self.transit.excess(self.held["delay"]))

    def command(self, m, now):
        self.advance(now)
        if not possible(m) or not self.valid(m):
            return
        published = m["t_publish_ns"]
        if not self.follow(m["run"], now) or self.ended:
            if m["run"] == self.elder.run:
                self.elder.cmd_seq = max(self.elder.cmd_seq, m["seq"])
                self.elder.transit.command(now, published)
            return
        if m["seq"] <= self.seq:
            return
        self.seq = m["seq"]
        self.transit.command(now, published)
        self.age_held()
        if m["state"] != "actuate":  # however old it is, and it feeds no watchdog
            self.shade()
            return
        delay, allowed = now - published, int(m["valid_for_ms"] * MS)
        excess = self.transit.excess(delay)
        if not self.transit.proven or m["seq"] <= self.waits or excess > allowed:
            self.advance(now)
            return
        self.heard = now
        if not self.latched:
            self.held, self.shadow = {"command": m, "arrival": now, "delay": delay, "excess": excess, "allowed": allowed}, False

    def advance(self, now):  # rules 6 and 8
        h = self.held
        if self.elder.transit.proven and now > self.elder.heard + WATCHDOG:
            self.elder.transit.doubt()
        if h and h["excess"] + now - h["arrival"] > h["allowed"]:
            self.safe("expired")
        if self.heard is not None and now > self.heard + WATCHDOG:
            self.heard, self.shadow = None, False
            self.transit.doubt()
            self.safe("watchdog")
        self.deaf = not self.ended and self.transit.deaf(now)

    def link_lost(self):
        self.transit.doubt()
        self.elder.transit.doubt()
        self.shadow = False
        self.safe("link")
        self.listening.end()

    def emergency(self, now):  # rule 12
        self.latched, self.held, self.struck = True, None, now
        self.stop("emergency")

    def shows(self):
        """What an operator can do something about, where nothing is acted on."""
        if self.latched or self.held:
            return ""
        if self.elder.transit.proven:
            return "older_run"
        if self.deaf:  # update the decoder, which is older than this controller; or it is a recording, or is not reached
            return "unanswered" if self.speaks else "old_decoder"
        return "shadow" if self.shadow else ""

    def rearm(self, now):
        """An operator who sees the actuator lifts the latch, and says that the older run that is shown is the decoder. False where a stop
        came just now: the key is of before, or of somebody who has not looked."""
        self.advance(now)
        if self.latched and now - self.struck < LOOK_FIRST:
            return False
        older, self.latched = self.shows() == "older_run", False
        self.stops.lift(now)
        if older:
            e, self.elder = self.elder, Elder()
            self.begin(e.run)
            self.seq, self.beat_seq, self.transit, self.spoke, self.heard = e.cmd_seq, e.beat_seq, e.transit, e.heard, e.heard
        return True

    def current(self, now):
        self.advance(now)
        return self.held and self.held["command"]


def possible(m):
    scores, value, kind, state = m.get("scores", []), m.get("value", []), m.get("kind"), m.get("state")
    return (
        state in ("actuate", "shadow")  # where it is missing nobody said that it may be acted on
        and number(m.get("valid_for_ms"), 0 if state == "shadow" else 5e-324, MAX_VALID / MS)
        and number(m.get("age_ms"), 0)
        and number(m.get("confidence", 0), 0, 1)
        and isinstance(scores, list)
        and all(isinstance(s, dict) and number(s.get("p"), 0, 1) for s in scores)
        and isinstance(value, list)
        and all(number(v, -math.inf) for v in value)
        and (
            kind == "none"
            or (kind == "continuous" and len(value) > 0)
            or (kind == "class" and isinstance(m.get("label"), str) and m["label"] != "" and (not scores or m["label"] in [s.get("label") for s in scores]))
        )
    )


def parse(data):
    try:
        m = json.loads(data) if len(data) <= 65536 else None
    except (ValueError, RecursionError):
        return {}
    return m if isinstance(m, dict) else {}


def stop(why):  # stops the actuator: of this one there is nothing but its words
    print("safe", why, flush=True)


def control_loop(judge, quit):
    acted, shown = None, ""
    while not quit.wait(0.01):
        with judge.lock:  # until the actuator has what it is to do: a stop that comes meanwhile is carried out behind it, not before
            judge.listening.turn()
            m, shows = judge.current(time.monotonic_ns()), judge.shows()
            if shows != shown:
                shown = shows
                if shown:
                    print("shows", shown, flush=True)
            if m and (m["run"], m["seq"]) != acted:  # an actuator would be moved at every turn
                acted = (m["run"], m["seq"])
                print("act", m["seq"], m.get("label", ""), flush=True)


def keys(judge):
    while key := os.read(0, 1):  # without Python's buffer, whose lock would hold up the end
        if key in b"rR":
            with judge.lock:
                rearmed = judge.rearm(time.monotonic_ns())
            if not rearmed:
                print("not re-armed: a stop came just now; look whether all may move, and press again", file=sys.stderr)


async def main(url, session, decoder):
    judge, name = Judge(session, decoder, stop), uuid.uuid4().hex

    def on(handle):
        async def callback(msg):
            now = time.monotonic_ns()  # as early as possible
            m = parse(msg.data)
            with judge.lock:
                handle(m, now)
                asks = msg.reply and handle == judge.status and judge.ours(m)
                nonce, standing = (judge.challenge(m, now), judge.stops.standing(now, m["seq"])) if asks else (None, None)
                listens = judge.listening.turn()
            if nonce:
                await answer(msg.reply, {"nonce": nonce})
            if standing:  # a decoder asks whether a stop is in force
                await answer(msg.reply, {"controller": name, **standing})
            elif asks and m.get("unheard") is True:  # whether none is: its link was broken
                await answer(msg.reply, {"controller": name, "clear": True, "listens_ms": listens, "seq": m["seq"]})
        return callback

    async def answer(subject, more):
        if not subject.startswith("gyrus."):
            await nc.publish(subject, json.dumps({"v": 1, "session": session, "decoder": decoder, **more}).encode())

    async def on_stop(msg):
        with judge.lock:
            now = time.monotonic_ns()
            judge.emergency(now)  # whatever has arrived
            judge.stops.hear(parse(msg.data), now)
        if msg.reply:
            await answer(msg.reply, {"controller": name})

    def forget_gossip():
        """Servers that a server speaks of were not given to us: nobody looked whether they may be spoken to."""
        if not nc.is_closed:
            nc.set_server_pool(url.split(","))

    async def on_disconnect():
        with judge.lock:
            judge.link_lost()
        forget_gossip()

    async def on_reconnect():  # and it has subscribed again
        with judge.lock:
            judge.listening.begin()

    async def on_error(err):  # of every try to connect too, and before the next
        print(err, file=sys.stderr)
        forget_gossip()

    nc = nats.NATS()
    await nc.connect(url, name="example-python", max_reconnect_attempts=-1, reconnect_time_wait=0.1, ping_interval=0.3,
                     max_outstanding_pings=2, disconnected_cb=on_disconnect, reconnected_cb=on_reconnect, error_cb=on_error)
    await nc.subscribe(f"gyrus.{session}.stop", cb=on_stop)
    await nc.subscribe(f"gyrus.{session}.status", cb=on(judge.status), pending_msgs_limit=64)
    await nc.subscribe(f"gyrus.{session}.cmd.{decoder}", cb=on(judge.command), pending_msgs_limit=64)
    await nc.flush()
    with judge.lock:
        judge.listening.begin()
    print("ready", flush=True)

    quit, ended = threading.Event(), asyncio.Event()
    loop = threading.Thread(target=control_loop, args=(judge, quit))
    loop.start()
    threading.Thread(target=keys, args=(judge,), daemon=True).start()
    for sig in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(sig) != signal.SIG_IGN:  # as SIGHUP is under nohup
            asyncio.get_running_loop().add_signal_handler(sig, ended.set)
    await ended.wait()
    quit.set()  # the actuator first
    loop.join()
    stop("stopped")
    await nc.close()


if __name__ == "__main__":
    if len(sys.argv) != 4 or not all(TOKEN.fullmatch(word) for word in sys.argv[2:]):
        sys.exit("usage: controller.py URL SESSION DECODER")
    asyncio.run(main(*sys.argv[1:]))
