/* A controller in C (nats.c, jansson). It follows the rules of docs/protocol.md and prints what it acts on.
 *
 *     cc -o controller controller.c -lnats -ljansson -lpthread
 *     ./controller nats://127.0.0.1:4222 s1 decoder
 *
 * The key r (and Enter) on standard input re-arms it: behind an emergency stop, and where it shows older_run.
 *
 * Messages arrive on threads of the library; main is the control loop, with a steady clock. One lock guards the rules. */
#define _POSIX_C_SOURCE 200809L
#include <jansson.h>
#include <math.h>
#include <nats/nats.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MS INT64_C(1000000)
#define WATCHDOG (250 * MS)
#define MAX_VALID_MS 10000.0
#define ELDER_SILENCE (2000 * MS)
#define ECHO_WAIT (500 * MS)
#define DEAF (2000 * MS)
#define LOOK_FIRST (500 * MS)
#define STOOD_STILL (2000 * MS)
#define MAX_SINCE_MS 1e12
#define LABEL 64
#define ID 64
#define WORDS 1000
#define STOPS 64
#define LIFTED 1024

static const char *session, *decoder;
static char name[64];
static FILE *entropy;
static volatile sig_atomic_t quit;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* How much longer than the fastest message of its run a message was on its way: rules 4 and 5. */
struct transit {
    bool known, even, alive;     /* alive: the nonce came back, it is no recording */
    int64_t base, raised, even_at, first, first_published, anchor, asked;
    int beats;
    char nonce[33];              /* that was sent and did not come back; empty where none was */
};

/* The state of the rules; times are nanoseconds of the steady clock. */
static int64_t run, newest, seq, beat_seq, waits, spoke; /* rules 2, 3 and 8 */
static bool ended, latched, shadow, speaks, deaf;        /* speaks: of nonces; deaf: it sends none back */
static struct stop {                                     /* an emergency stop: rule 12 */
    json_t *said;                                        /* its id, source and why, where it has them */
    int64_t first, last;                                 /* when it came, and when a message of it last did */
} met[STOPS];                                            /* in force, the newest last */
static int n_met, n_lifted;
static char lifted[LIFTED][ID + 1];                      /* their ids, the newest last */
static int64_t lifted_at;                                /* when an operator last lifted what was in force */
static int64_t struck;                                   /* when the newest stop came, where latched */
struct moment { int64_t steady, wall; };                 /* the steady clock stands while the machine sleeps, and the one on the wall may be set */
static struct { bool on; struct moment since, last; } listening; /* to all that comes, without a break: rule 12 */
static struct transit way;
static struct {                                          /* an older run, alone to be alive where its transit is proven: rule 2 */
    int64_t run, beat_seq, cmd_seq, heard;
    struct transit way;
} elder;
static bool hearing;                                     /* the watchdog has not barked since */
static int64_t heard;
static struct {                                          /* rule 7: the one command */
    bool on;
    int64_t run, seq, arrival, delay, excess, allowed;
    char label[LABEL];
} held;

static int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static struct moment moment(void) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (struct moment){now_ns(), (int64_t)t.tv_sec * 1000000000 + t.tv_nsec};
}

/* Subscribed, or the link is back. */
static void begin_listening(void) {
    listening.on = true;
    listening.since = listening.last = moment();
}

/* For how long all that came was heard here, in ms: who was not there all the time cannot say that no stop came. It is called again and
 * again, which shows whether this process stood still. */
static double listens_ms(void) {
    struct moment now = moment();
    int64_t steady = now.steady - listening.last.steady, wall = now.wall - listening.last.wall;
    if (steady >= STOOD_STILL || wall >= STOOD_STILL || steady - wall >= STOOD_STILL) listening.since = now;
    listening.last = now;
    if (!listening.on) return 0;
    steady = now.steady - listening.since.steady;
    wall = now.wall - listening.since.wall;
    if (wall < steady) steady = wall;
    return steady > 0 ? (double)steady / MS : 0;
}

/* Stops the actuator: of this one there is nothing but its words. */
static void stop(const char *why) {
    printf("safe %s\n", why);
    fflush(stdout);
}

static void doubt(struct transit *t) { t->even = t->alive = false; t->beats = 0; t->nonce[0] = 0; }

static bool proven(const struct transit *t) { return t->even && t->alive; }

/* All but the nonce has been there for so long that none will come. */
static bool is_deaf(const struct transit *t, int64_t now) { return t->even && !t->alive && now - t->even_at >= DEAF; }

/* A nonce that the decoder is to send back; NULL where none is needed now. */
static const char *challenge(struct transit *t, int64_t now) {
    unsigned char bytes[16];
    size_t k;
    if (t->alive || (t->nonce[0] != 0 && now - t->asked <= ECHO_WAIT)) return NULL;
    if (fread(bytes, 1, sizeof bytes, entropy) != sizeof bytes) return NULL; /* nothing is acted on then */
    for (k = 0; k < sizeof bytes; k++) snprintf(t->nonce + 2 * k, 3, "%02x", bytes[k]);
    t->asked = now;
    return t->nonce;
}

static void take_echo(struct transit *t, int64_t now, json_t *nonces) {
    size_t k;
    if (t->nonce[0] == 0 || now - t->asked > ECHO_WAIT) return;
    for (k = 0; k < json_array_size(nonces); k++) {
        const char *n = json_string_value(json_array_get(nonces, k));
        if (n != NULL && strcmp(n, t->nonce) == 0) {
            t->alive = true;
            t->nonce[0] = 0;
            return;
        }
    }
}

static void safe(const char *why) {
    if (held.on) {
        held.on = false;
        stop(why);
    }
}

/* Rule 13. */
static void shade(void) {
    shadow = true;
    safe("shadow");
}

static int64_t excess(const struct transit *t, int64_t delay) { return t->known && delay > t->base ? delay - t->base : 0; }

static void open_window(struct transit *t, int64_t now, int64_t published, int64_t d) {
    t->beats = 1; t->first = now; t->first_published = published; t->anchor = d;
}

static void take_beat(struct transit *t, int64_t now, int64_t published) {
    int64_t delay = now - published;
    if (t->known) t->base += (now - t->raised) / 2000; /* rule 4: 500 ppm */
    if (!t->known || delay < t->base) t->base = delay;
    t->known = true;
    t->raised = now;
    if (t->beats == 0 || delay < t->anchor - 20 * MS) { /* rule 5 */
        t->even = false;
        open_window(t, now, published, delay);
    } else if (++t->beats >= 4 && now - t->first >= 250 * MS && published - t->first_published >= 250 * MS) {
        if (!t->even) t->even_at = now;
        t->even = true;
        open_window(t, now, published, t->base);
    }
}

static void take_command(struct transit *t, int64_t now, int64_t published) {
    int64_t delay = now - published;
    if (!t->known || delay >= t->base) return;
    t->base = delay;
    if (delay < t->anchor - 20 * MS) doubt(t);
}

static void age_held(void) {
    if (held.on && excess(&way, held.delay) > held.excess) held.excess = excess(&way, held.delay);
}

/* What counts of a stop: its id, which tells it from others, and the words that are handed on, cut where they are long. */
static json_t *said(json_t *m) {
    static const char *const words[] = {"source", "why"};
    json_t *s = json_object(), *id = json_object_get(m, "id");
    char cut[WORDS + 4]; /* and an ellipsis */
    if (json_is_string(id) && json_string_length(id) > 0 && json_string_length(id) <= ID) json_object_set(s, "id", id);
    for (int k = 0; k < 2; k++) {
        json_t *word = json_object_get(m, words[k]);
        size_t n = json_string_length(word);
        if (n > WORDS) { /* not within a character */
            const char *text = json_string_value(word);
            for (n = WORDS; (text[n] & 0xc0) == 0x80; n--) {}
            snprintf(cut, sizeof cut, "%.*s\xe2\x80\xa6", (int)n, text);
            json_object_set_new(s, words[k], json_string(cut));
        } else if (json_is_string(word)) {
            json_object_set(s, words[k], word);
        }
    }
    return s;
}

/* The id of what was said, "" where it has none. */
static const char *id_of(json_t *s) {
    const char *id = json_string_value(json_object_get(s, "id"));
    return id == NULL ? "" : id;
}

/* Where an id is in lifted, -1 where it is not. */
static int is_lifted(const char *id) {
    for (int k = 0; k < n_lifted; k++) if (strcmp(lifted[k], id) == 0) return k;
    return -1;
}

/* Remembers s, which it takes, in the order of first: beyond STOPS the oldest is forgotten. */
static void meet(json_t *s, int64_t first, int64_t last) {
    int at = n_met;
    while (at > 0 && met[at - 1].first > first) at--;
    if (n_met == STOPS) {
        if (at == 0) { /* itself */
            json_decref(s);
            return;
        }
        json_decref(met[0].said);
        memmove(met, met + 1, (size_t)--at * sizeof *met);
    } else {
        memmove(met + at + 1, met + at, (size_t)(n_met++ - at) * sizeof *met);
    }
    met[at].said = s;
    met[at].first = first;
    met[at].last = last;
}

static void emergency(int64_t now) {
    latched = true;
    struck = now;
    held.on = false;
    stop("emergency");
}

/* A message on the subject of the stops: it counts whatever was lifted before. */
static void hear(json_t *m, int64_t now) {
    json_t *s = said(m);
    const char *id = id_of(s);
    int k = is_lifted(id);
    if (k >= 0) memmove(lifted + k, lifted + k + 1, (size_t)(--n_lifted - k) * sizeof *lifted);
    for (k = 0; k < n_met && !(id[0] != 0 ? strcmp(id, id_of(met[k].said)) == 0 : json_equal(s, met[k].said)); k++) {}
    if (k < n_met && (id[0] != 0 || now - met[k].last < 1000 * MS)) { /* it is sent again and again */
        met[k].last = now;
        json_decref(s);
        return;
    }
    if (k < n_met) { /* the same words for another one */
        json_decref(met[k].said);
        memmove(met + k, met + k + 1, (size_t)(--n_met - k) * sizeof *met);
    }
    meet(s, n_met > 0 && met[n_met - 1].first > now ? met[n_met - 1].first : now, now);
}

/* What a heartbeat says that the decoder is held back by: another stop, which was not lifted here, counts. */
static void told(json_t *m, int64_t now) {
    double ago = json_number_value(json_object_get(m, "since_ms"));
    int64_t since = ago >= 0 && ago <= MAX_SINCE_MS ? now - (int64_t)(ago * MS) : now;
    json_t *s;
    const char *id;
    bool known = false;
    if (!json_is_object(m)) return;
    s = said(m);
    id = id_of(s);
    if (id[0] != 0 ? is_lifted(id) >= 0 : lifted_at != 0 && since <= lifted_at) known = true;
    for (int k = 0; k < n_met; k++)
        if (id[0] != 0 ? strcmp(id, id_of(met[k].said)) == 0 : met[k].first - 1000 * MS <= since && since <= met[k].last + 1000 * MS) known = true;
    if (known) {
        json_decref(s);
        return;
    }
    meet(s, since, since);
    emergency(now);
}

/* An operator has seen that all may go on. */
static void lift(int64_t now) {
    for (int k = 0; k < n_met; k++) {
        const char *id = id_of(met[k].said);
        if (id[0] != 0) {
            if (n_lifted == LIFTED) memmove(lifted, lifted + 1, (size_t)--n_lifted * sizeof *lifted);
            snprintf(lifted[n_lifted++], ID + 1, "%s", id);
        }
        json_decref(met[k].said);
    }
    n_met = 0;
    lifted_at = now;
}

/* Rules 6 and 8. */
static void advance(int64_t now) {
    if (proven(&elder.way) && now > elder.heard + WATCHDOG) doubt(&elder.way);
    if (held.on && held.excess + now - held.arrival > held.allowed) safe("expired");
    if (hearing && now > heard + WATCHDOG) {
        hearing = shadow = false;
        doubt(&way);
        safe("watchdog");
    }
    deaf = !ended && is_deaf(&way, now);
}

/* What an operator can do something about, where nothing is acted on. */
static const char *shows(void) {
    if (latched || held.on) return "";
    if (proven(&elder.way)) return "older_run";
    if (deaf) return speaks ? "unanswered" : "old_decoder"; /* a recording, or it is not reached; or it is older than this controller: update it */
    return shadow ? "shadow" : "";
}

static void begin(int64_t r) {
    run = r; seq = beat_seq = waits = 0; ended = shadow = speaks = deaf = false;
    memset(&way, 0, sizeof way);
}

/* An operator who sees the actuator lifts the latch, and says that the older run that is shown is the decoder. */
static void rearm(int64_t now) {
    bool older;
    advance(now);
    if (latched && now - struck < LOOK_FIRST) { /* the key is of before, or of somebody who has not looked */
        fprintf(stderr, "not re-armed: a stop came just now; look whether all may move, and press again\n");
        return;
    }
    older = strcmp(shows(), "older_run") == 0;
    latched = false;
    lift(now);
    if (!older) return;
    begin(elder.run);
    seq = elder.cmd_seq; beat_seq = elder.beat_seq; way = elder.way; spoke = heard = elder.heard;
    hearing = true;
    memset(&elder, 0, sizeof elder);
}

static bool is(json_t *m, const char *key, const char *want) {
    const char *s = json_string_value(json_object_get(m, key));
    return s != NULL && strcmp(s, want) == 0;
}

static int64_t whole(json_t *m, const char *key) { /* 0 where there is none */
    return json_integer_value(json_object_get(m, key));
}

static bool number(json_t *v, double low, double high) {
    return json_is_number(v) && json_number_value(v) >= low && json_number_value(v) <= high;
}

/* Of any decoder of the session. */
static bool ours(json_t *m) {
    int64_t r = whole(m, "run");
    return whole(m, "v") == 1 && is(m, "session", session) && r > 0 && whole(m, "seq") > 0 && whole(m, "t_publish_ns") >= r;
}

/* Rule 1. */
static bool valid(json_t *m) { return ours(m) && is(m, "decoder", decoder); }

/* Rule 2. */
static bool follow(int64_t r, int64_t now) {
    if (r != run) {
        if (r <= newest) return false;
        safe("restarted");
        begin(r);
        newest = r;
    }
    spoke = now;
    memset(&elder, 0, sizeof elder);
    return true;
}

/* Rule 2: a heartbeat of a run that is not followed. */
static void older(json_t *m, int64_t now) {
    int64_t r = whole(m, "run"), s = whole(m, "seq"), c = whole(m, "cmd_seq"), published = whole(m, "t_publish_ns");
    if (held.on || (!ended && now - spoke < ELDER_SILENCE) || is(m, "state", "ended")) {
        memset(&elder, 0, sizeof elder);
        return;
    }
    if (r < elder.run && now <= elder.heard + WATCHDOG) return; /* of two, the newer */
    if (r != elder.run) {
        memset(&elder, 0, sizeof elder);
        elder.run = r;
    } else if (s <= elder.beat_seq) {
        return;
    } else if (now > elder.heard + WATCHDOG) {
        doubt(&elder.way);
    }
    elder.beat_seq = s;
    if (c > elder.cmd_seq) elder.cmd_seq = c;
    elder.heard = now;
    take_beat(&elder.way, now, published);
    take_echo(&elder.way, now, json_object_get(m, "nonces"));
    if (excess(&elder.way, now - published) > WATCHDOG) doubt(&elder.way);
}

static void on_status(json_t *m, int64_t now) {
    int64_t published = whole(m, "t_publish_ns");
    advance(now);
    if (!is(m, "state", "waiting") && !is(m, "state", "decoding") && !is(m, "state", "ended")) return;
    if (!valid(m) || whole(m, "cmd_seq") < 0) return;
    if (!follow(whole(m, "run"), now)) {
        older(m, now);
        return;
    }
    if (whole(m, "seq") <= beat_seq) return;
    beat_seq = whole(m, "seq");
    speaks = speaks || json_is_array(json_object_get(m, "nonces"));
    told(json_object_get(m, "stop"), now);
    take_beat(&way, now, published);
    take_echo(&way, now, json_object_get(m, "nonces"));
    age_held();
    if (excess(&way, now - published) > WATCHDOG) {
        doubt(&way);
    } else {
        heard = now;
        hearing = true;
    }
    if (json_is_true(json_object_get(m, "shadow"))) shade();
    if (is(m, "state", "waiting")) { /* rule 8 */
        if (whole(m, "cmd_seq") > waits) waits = whole(m, "cmd_seq");
        if (held.on && held.seq <= waits) safe("waiting");
    }
    if (is(m, "state", "ended")) {
        ended = true;
        shadow = false;
        safe("ended");
    }
    advance(now);
}

/* What the decoder of a heartbeat is asked to send back, or NULL: rule 5. */
static const char *asks(json_t *m, int64_t now) {
    if (!valid(m) || is(m, "state", "ended")) return NULL;
    if (whole(m, "run") == run && !ended) return challenge(&way, now);
    return whole(m, "run") == elder.run ? challenge(&elder.way, now) : NULL;
}

static bool possible(json_t *m) {
    json_t *scores = json_object_get(m, "scores"), *value = json_object_get(m, "value"), *confidence = json_object_get(m, "confidence"), *x;
    const char *label = json_string_value(json_object_get(m, "label"));
    size_t k;
    bool labelled = json_array_size(scores) == 0;
    double valid = json_number_value(json_object_get(m, "valid_for_ms"));
    bool shaded = is(m, "state", "shadow");
    if (!shaded && !is(m, "state", "actuate")) return false; /* where it is missing nobody said that it may be acted on */
    if (!(valid > 0 || (shaded && valid == 0)) || valid > MAX_VALID_MS || !number(json_object_get(m, "age_ms"), 0, HUGE_VAL)) return false;
    if (confidence != NULL && !number(confidence, 0, 1)) return false;
    if ((scores != NULL && !json_is_array(scores)) || (value != NULL && !json_is_array(value))) return false;
    json_array_foreach(scores, k, x) {
        if (!number(json_object_get(x, "p"), 0, 1)) return false;
        labelled = labelled || (label != NULL && is(x, "label", label));
    }
    json_array_foreach(value, k, x) if (!json_is_number(x)) return false;
    if (is(m, "kind", "none")) return true;
    if (is(m, "kind", "continuous")) return json_array_size(value) > 0;
    return is(m, "kind", "class") && label != NULL && label[0] != 0 && labelled;
}

static void on_command(json_t *m, int64_t now) {
    int64_t published = whole(m, "t_publish_ns"), delay = now - published, number = whole(m, "seq"), allowed;
    const char *label = json_string_value(json_object_get(m, "label"));
    advance(now);
    if (!possible(m) || !valid(m)) return;
    if (!follow(whole(m, "run"), now) || ended) {
        if (whole(m, "run") == elder.run) {
            if (number > elder.cmd_seq) elder.cmd_seq = number;
            take_command(&elder.way, now, published);
        }
        return;
    }
    if (number <= seq) return;
    seq = number;
    take_command(&way, now, published);
    age_held();
    if (!is(m, "state", "actuate")) { /* however old it is, and it feeds no watchdog */
        shade();
        return;
    }
    allowed = (int64_t)(json_number_value(json_object_get(m, "valid_for_ms")) * MS);
    if (!proven(&way) || number <= waits || excess(&way, delay) > allowed) {
        advance(now);
        return;
    }
    heard = now;
    hearing = true;
    if (latched) return;
    shadow = false;
    held.on = true;
    held.run = run; held.seq = seq;
    held.arrival = now; held.delay = delay; held.excess = excess(&way, delay); held.allowed = allowed;
    snprintf(held.label, sizeof held.label, "%s", label == NULL ? "" : label);
}

/* Answers a stop, or a heartbeat: more is a nonce, or that a stop was confirmed, is in force, or that none is. */
static void answer(natsConnection *nc, const char *subject, json_t *more) {
    json_t *a = json_pack("{s:i, s:s, s:s}", "v", 1, "session", session, "decoder", decoder);
    char *text;
    json_object_update(a, more);
    text = json_dumps(a, JSON_COMPACT);
    if (text != NULL && strncmp(subject, "gyrus.", 6) != 0) natsConnection_PublishString(nc, subject, text);
    free(text);
    json_decref(a);
    json_decref(more);
}

/* What a heartbeat that asks is told: by its number all stops that are in force in turn; NULL where none is. The lock is held. */
static json_t *standing(json_t *m, int64_t now) {
    const struct stop *s;
    json_t *more;
    double since;
    if (n_met == 0) return NULL;
    s = &met[whole(m, "seq") % n_met];
    since = now > s->last ? (double)(now - s->last) / MS : 0; /* this message may have waited for the lock while the stop came */
    more = json_pack("{s:s, s:f}", "controller", name, "since_ms", since < MAX_SINCE_MS ? since : MAX_SINCE_MS);
    json_object_update(more, s->said);
    return more;
}

static void on_message(natsConnection *nc, natsSubscription *sub, natsMsg *msg, void *handle) {
    int64_t now = now_ns(); /* as early as possible */
    json_t *m = natsMsg_GetDataLength(msg) <= 65536 ? json_loadb(natsMsg_GetData(msg), (size_t)natsMsg_GetDataLength(msg), 0, NULL) : NULL;
    (void)sub;
    if (json_is_object(m)) {
        json_t *more = NULL, *nonce = NULL;
        pthread_mutex_lock(&lock);
        ((void (*)(json_t *, int64_t))handle)(m, now);
        if (natsMsg_GetReply(msg) != NULL && handle == (void *)on_status && ours(m)) {
            const char *n = asks(m, now);
            if (n != NULL) nonce = json_pack("{s:s}", "nonce", n);
            more = standing(m, now);
            if (more == NULL && json_is_true(json_object_get(m, "unheard"))) /* whether none is in force: its link was broken */
                more = json_pack("{s:s, s:b, s:f, s:I}", "controller", name, "clear", 1, "listens_ms", listens_ms(), "seq", (json_int_t)whole(m, "seq"));
        }
        pthread_mutex_unlock(&lock);
        if (nonce != NULL) answer(nc, natsMsg_GetReply(msg), nonce);
        if (more != NULL) answer(nc, natsMsg_GetReply(msg), more);
    }
    json_decref(m);
    natsMsg_Destroy(msg);
}

/* Rule 12: whatever has arrived. */
static void on_stop(natsConnection *nc, natsSubscription *sub, natsMsg *msg, void *none) {
    json_t *m = natsMsg_GetDataLength(msg) <= 65536 ? json_loadb(natsMsg_GetData(msg), (size_t)natsMsg_GetDataLength(msg), 0, NULL) : NULL;
    int64_t now;
    (void)sub; (void)none;
    pthread_mutex_lock(&lock);
    now = now_ns();
    emergency(now);
    hear(m, now);
    pthread_mutex_unlock(&lock);
    if (natsMsg_GetReply(msg) != NULL) answer(nc, natsMsg_GetReply(msg), json_pack("{s:s}", "controller", name));
    json_decref(m);
    natsMsg_Destroy(msg);
}

static void on_disconnect(natsConnection *nc, void *none) {
    (void)nc; (void)none;
    pthread_mutex_lock(&lock);
    doubt(&way);
    doubt(&elder.way);
    shadow = false;
    safe("link");
    listening.on = false;
    pthread_mutex_unlock(&lock);
}

/* It has subscribed again. */
static void on_reconnect(natsConnection *nc, void *none) {
    (void)nc; (void)none;
    pthread_mutex_lock(&lock);
    begin_listening();
    pthread_mutex_unlock(&lock);
}

static void on_signal(int sig) { (void)sig; quit = 1; }

static bool is_token(const char *s) {
    return s[0] != 0 && strlen(s) <= 64 && strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == strlen(s);
}

static void check(natsStatus s, const char *what) {
    if (s != NATS_OK) {
        fprintf(stderr, "%s: %s\n", what, natsStatus_GetText(s));
        exit(1);
    }
}

int main(int argc, char **argv) {
    natsOptions *opts = NULL;
    natsConnection *nc = NULL;
    natsSubscription *sub[3] = {NULL, NULL, NULL};
    char subject[256];
    int64_t acted_run = 0, acted_seq = 0;
    struct pollfd keys = {STDIN_FILENO, POLLIN, 0};
    const char *shown = "";
    struct sigaction on_term = {.sa_handler = on_signal}, was;
    if (argc != 4 || !is_token(argv[2]) || !is_token(argv[3])) {
        fprintf(stderr, "usage: controller URL SESSION DECODER\n");
        return 2;
    }
    session = argv[2];
    decoder = argv[3];
    snprintf(name, sizeof name, "c-%ld-%lld", (long)getpid(), (long long)now_ns());
    sigaction(SIGINT, &on_term, NULL);
    sigaction(SIGTERM, &on_term, NULL);
    if (sigaction(SIGHUP, NULL, &was) == 0 && was.sa_handler != SIG_IGN) /* as it is under nohup */
        sigaction(SIGHUP, &on_term, NULL);                               /* the terminal is closed */
    signal(SIGPIPE, SIG_IGN); /* whoever read our lines is gone: no reason to leave the actuator alone */
    stop("never");
    entropy = fopen("/dev/urandom", "rb");
    if (entropy == NULL) {
        perror("/dev/urandom");
        return 1;
    }
    setvbuf(entropy, NULL, _IONBF, 0); /* no more of it than is needed */

    check(natsOptions_Create(&opts), "options");
    check(natsOptions_SetURL(opts, argv[1]), "url");
    check(natsOptions_SetIgnoreDiscoveredServers(opts, true), "gossip"); /* nobody looked whether those that a server speaks of may be spoken to */
    check(natsOptions_SetMaxReconnect(opts, -1), "reconnects");
    check(natsOptions_SetReconnectWait(opts, 100), "reconnect wait");
    check(natsOptions_SetPingInterval(opts, 300), "ping interval");
    check(natsOptions_SetMaxPingsOut(opts, 2), "pings");
    check(natsOptions_SetMaxPendingMsgs(opts, 64), "pending messages");
    check(natsOptions_SetDisconnectedCB(opts, on_disconnect, NULL), "callback");
    check(natsOptions_SetReconnectedCB(opts, on_reconnect, NULL), "callback");
    check(natsConnection_Connect(&nc, opts), "connect");
    snprintf(subject, sizeof subject, "gyrus.%s.stop", session);
    check(natsConnection_Subscribe(&sub[0], nc, subject, on_stop, NULL), subject);
    snprintf(subject, sizeof subject, "gyrus.%s.status", session);
    check(natsConnection_Subscribe(&sub[1], nc, subject, on_message, (void *)on_status), subject);
    snprintf(subject, sizeof subject, "gyrus.%s.cmd.%s", session, decoder);
    check(natsConnection_Subscribe(&sub[2], nc, subject, on_message, (void *)on_command), subject);
    check(natsConnection_FlushTimeout(nc, 2000), "flush");
    pthread_mutex_lock(&lock);
    begin_listening();
    pthread_mutex_unlock(&lock);
    printf("ready\n");
    fflush(stdout);

    while (!quit) {
        char key = 0;
        if (poll(&keys, 1, 10) > 0 && read(STDIN_FILENO, &key, 1) <= 0) keys.fd = -1; /* no more keys: it only waits from now on */
        pthread_mutex_lock(&lock);
        listens_ms();
        advance(now_ns());
        if (key == 'r' || key == 'R') rearm(now_ns());
        if (strcmp(shows(), shown) != 0) {
            shown = shows();
            if (shown[0] != 0) printf("shows %s\n", shown);
            fflush(stdout);
        }
        if (held.on && (held.run != acted_run || held.seq != acted_seq)) { /* an actuator would be moved at every turn */
            acted_run = held.run;
            acted_seq = held.seq;
            printf("act %lld %s\n", (long long)held.seq, held.label);
            fflush(stdout);
        }
        pthread_mutex_unlock(&lock);
    }
    pthread_mutex_lock(&lock); /* the actuator first */
    held.on = false;
    stop("stopped");
    latched = true;
    pthread_mutex_unlock(&lock);
    for (int k = 0; k < 3; k++) natsSubscription_Destroy(sub[k]);
    natsConnection_Destroy(nc);
    natsOptions_Destroy(opts);
    nats_Close();
    return 0;
}
