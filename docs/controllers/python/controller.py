"""A controller in Python (nats-py). It follows the rules of docs/protocol.md and prints what it acts on.

    python controller.py nats://127.0.0.1:4222 s1 decoder

Messages arrive on the asyncio loop; the control loop is a thread of its own with a steady clock, so that nothing that
blocks the asyncio loop keeps the actuator from being stopped.
"""
import asyncio
import json
import math
import re
import signal
import sys
import threading
import time
import uuid

import nats

MS = 1_000_000
WATCHDOG, MAX_VALID = 250 * MS, 10_000 * MS
TOKEN = re.compile(r"[A-Za-z0-9_-]{1,64}")


def number(x, low, high=math.inf):
    return isinstance(x, (int, float)) and not isinstance(x, bool) and math.isfinite(x) and low <= x <= high


def whole(m, *keys):
    return all(isinstance(m.get(k), int) and not isinstance(m.get(k), bool) and 0 < m[k] < 2**63 for k in keys)


class Judge:
    """The rules. Times are nanoseconds of the receiver's steady clock; self.lock is held by whoever calls."""

    def __init__(self, session, decoder, stop):
        self.session, self.decoder, self.stop = session, decoder, stop
        self.lock = threading.Lock()
        self.run, self.heard, self.latched, self.held = 0, None, False, None
        self.begin(0)
        stop("never")

    def begin(self, run):
        self.run, self.seq, self.beat_seq, self.ended = run, 0, 0, False
        self.base = self.raised = None
        self.doubt()

    def doubt(self):
        self.proven, self.beats = False, 0

    def safe(self, why):
        if self.held:
            self.held = None
            self.stop(why)

    def follow(self, m):  # rules 1 and 2
        if not (m.get("v") == 1 and m.get("session") == self.session and m.get("decoder") == self.decoder):
            return False
        if not whole(m, "run", "seq", "t_publish_ns") or m["t_publish_ns"] < m["run"] or m["run"] < self.run:
            return False
        if m["run"] > self.run:
            self.safe("restarted")
            self.begin(m["run"])
        return True

    def excess(self, delay):
        return max(0, delay - self.base)

    def status(self, m, now):
        self.advance(now)
        if m.get("state") not in ("waiting", "decoding", "ended") or not self.follow(m) or m["seq"] <= self.beat_seq:
            return
        self.beat_seq = m["seq"]
        published, delay = m["t_publish_ns"], now - m["t_publish_ns"]
        if self.base is None:
            self.base = delay
        else:  # rule 4: 500 ppm
            self.base = min(self.base + (now - self.raised) // 2000, delay)
        self.raised = now
        if self.beats == 0 or delay < self.anchor - 20 * MS:  # rule 5
            self.proven = False
            self.window(now, published, delay)
        else:
            self.beats += 1
            if self.beats >= 4 and now - self.first >= 250 * MS and published - self.first_published >= 250 * MS:
                self.proven = True
                self.window(now, published, self.base)
        self.age_held()
        if self.excess(delay) > WATCHDOG:
            self.doubt()
        else:
            self.heard = now
        if m["state"] == "ended":
            self.ended = True
            self.safe("ended")
        self.advance(now)

    def window(self, now, published, anchor):
        self.beats, self.first, self.first_published, self.anchor = 1, now, published, anchor

    def age_held(self):
        if self.held:
            self.held["excess"] = max(self.held["excess"], self.excess(self.held["delay"]))

    def command(self, m, now):
        self.advance(now)
        if not possible(m) or not self.follow(m) or self.ended or m["seq"] <= self.seq:
            return
        self.seq = m["seq"]
        delay = now - m["t_publish_ns"]
        if self.base is not None and delay < self.base:
            self.base = delay
            if delay < self.anchor - 20 * MS:
                self.doubt()
        self.age_held()
        allowed = int(m["valid_for_ms"] * MS)
        if not self.proven or self.excess(delay) > allowed:
            self.advance(now)
            return
        self.heard = now
        if not self.latched:
            self.held = {"command": m, "arrival": now, "delay": delay, "excess": self.excess(delay), "allowed": allowed}

    def advance(self, now):  # rules 6 and 8
        h = self.held
        if h and h["excess"] + now - h["arrival"] > h["allowed"]:
            self.safe("expired")
        if self.heard is not None and now > self.heard + WATCHDOG:
            self.heard = None
            self.doubt()
            self.safe("watchdog")

    def link_lost(self):
        self.doubt()
        self.safe("link")

    def emergency(self):  # rule 12: whatever has arrived
        self.latched, self.held = True, None
        self.stop("emergency")

    def current(self, now):
        self.advance(now)
        return self.held and self.held["command"]


def possible(m):
    scores, value, kind = m.get("scores", []), m.get("value", []), m.get("kind")
    return (
        number(m.get("valid_for_ms"), 5e-324, MAX_VALID / MS)
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
    acted = None
    while not quit.wait(0.01):
        with judge.lock:
            m = judge.current(time.monotonic_ns())
        if m and (m["run"], m["seq"]) != acted:  # an actuator would be moved at every turn
            acted = (m["run"], m["seq"])
            print("act", m["seq"], m.get("label", ""), flush=True)


async def main(url, session, decoder):
    judge, name = Judge(session, decoder, stop), uuid.uuid4().hex
    stood = {}  # the newest emergency stop and when it came

    def on(handle):
        async def callback(msg):
            now = time.monotonic_ns()  # as early as possible
            with judge.lock:
                handle(parse(msg.data), now)
            if msg.reply and handle == judge.status and stood:  # a decoder asks whether a stop is in force
                words = {k: v[:200] for k, v in stood["stop"].items() if k in ("source", "why") and isinstance(v, str)}
                await answer(msg.reply, since_ms=(now - stood["at"]) / MS, **words)
        return callback

    async def answer(subject, **more):
        if not subject.startswith("gyrus."):
            await nc.publish(subject, json.dumps({"v": 1, "session": session, "decoder": decoder, "controller": name, **more}).encode())

    async def on_stop(msg):
        with judge.lock:
            judge.emergency()
        stood.update(stop=parse(msg.data), at=time.monotonic_ns())
        if msg.reply:
            await answer(msg.reply)

    async def on_disconnect():
        with judge.lock:
            judge.link_lost()

    async def on_error(err):
        print(err, file=sys.stderr)

    nc = await nats.connect(url, name="example-python", max_reconnect_attempts=-1, reconnect_time_wait=0.1, ping_interval=0.3,
                            max_outstanding_pings=2, disconnected_cb=on_disconnect, error_cb=on_error)
    await nc.subscribe(f"gyrus.{session}.stop", cb=on_stop)
    await nc.subscribe(f"gyrus.{session}.status", cb=on(judge.status), pending_msgs_limit=64)
    await nc.subscribe(f"gyrus.{session}.cmd.{decoder}", cb=on(judge.command), pending_msgs_limit=64)
    await nc.flush()
    print("ready", flush=True)

    quit, ended = threading.Event(), asyncio.Event()
    loop = threading.Thread(target=control_loop, args=(judge, quit))
    loop.start()
    for sig in (signal.SIGINT, signal.SIGTERM):
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
