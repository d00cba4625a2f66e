// Package control is what a controller imports: a cursor, a prosthetic hand, a game, a wheelchair simulator. A Receiver
// subscribes to the commands of one decoder and hands out the one that may be acted on now, or the reason why none may.
// CenterOut (a cursor with targets) and Hand (a prosthetic hand with five fingers) are simulators that Run moves by it.
//
// # The rules of the protocol
//
// They are written so that a controller in any language can follow them. A controller needs three things: the messages
// of gyrus.<session>.cmd.<decoder>, those of gyrus.<session>.status, and a clock that only ever goes forward at an even
// pace (CLOCK_MONOTONIC). It needs no clock that agrees with the sender's. Every message is stamped with the arrival on
// that clock as early as possible; nothing is queued behind it.
//
//  1. A message counts only where version, session and decoder are the expected ones and every number is possible: run,
//     seq and t_publish_ns above 0, t_publish_ns not before run, state actuate or shadow, valid_for_ms above 0 (in shadow: or 0) and at most 10 s (Options.MaxValid),
//     age_ms at least 0, confidence between 0 and 1.
//
//  2. run never goes back by itself. A message of a run that is older than the newest seen is refused. A newer run makes the
//     controller forget all that it knew of the older one, the command it was acting on included. Where the run that is followed
//     has ended or was silent for 2 s, and the heartbeats of an older one prove that it is alive (rules 4 and 5) and go on, the reason shown
//     is older_run: the decoder's clock was set back. Rearm then follows
//     that run, from its next command on; every other run up to the newest ever seen stays refused.
//
//  3. seq only goes forward within a run, for commands and for heartbeats separately. The same or an older number is
//     refused; numbers that are left out are counted as gaps. A refused command moves seq forward too.
//
//  4. The delay d of a message is arrival − t_publish_ns: the time on the way plus the unknown difference of the clocks.
//     base is the smallest d of the run, so that d − base is how much longer a message was on the way than the fastest.
//     Any message that has a smaller d lowers base at once. With every heartbeat base rises by 500 ppm of the time since
//     the one before (but never above d): a crystal is off by 100 ppm at most, and NTP slews a clock by 500 ppm at most.
//
//  5. base is proven by a window of at least 4 heartbeats that spans 250 ms or more on the sender's clock and on the
//     receiver's, in which no d lies more than 20 ms below the window's first. A backlog that is worked off has a d that
//     falls, so it cannot prove anything. In a proven state the next window starts at once, with base as its first d.
//     A recording that is played again at its own pace has an even d too. The controller therefore answers a heartbeat (on its
//     reply subject) with a nonce, at most two in a second, and the proof is complete only when a heartbeat of the run brings it
//     back within 500 ms. The proof is lost, nonce included, and base kept, when the link breaks, after a silence (rule 8),
//     and when a heartbeat is older than the watchdog; when a d falls out of the window, that of base is.
//     Commands that come without a proof are refused (unproven). Where the window was good for 2 s and no nonce came back, the reason
//     shown is old_decoder (no heartbeat of the run speaks of nonces: update the decoder) or unanswered (a recording, or the answers do not
//     reach it).
//
//  6. The age of a command at any moment is d − base (at least 0, and as much as the lowest base since its arrival says)
//     plus the time since arrival. It may be acted on while its age is at most valid_for_ms. Where a limit on the age of
//     the sample is set (Options.MaxSampleAge), age_ms + age must not be above that limit either. Check at every use.
//
//  7. Only the newest accepted command counts. Commands are never queued: an older one is overwritten.
//
//  8. The safe state begins when the command expires; when for the watchdog time (250 ms) neither a heartbeat (younger
//     than the watchdog) nor an acceptable command came; at once with the heartbeat whose state is "ended", or "waiting" with
//     a cmd_seq that is not below seq of the command (the decoder was paused, or its stream stalls: what it sent until then
//     is refused from there on); with a newer run; and when the link to the bus breaks. The command is forgotten: only one that arrives later, and passes all
//     rules, ends the safe state.
//
//  9. The stop is idempotent, asked for once per safe state and at the start, and repeated until confirmed. No command is
//     accepted before it is confirmed. With a latch, none is accepted before an operator re-arms.
//
//  10. Limits (Options.Limits) hold for whatever a decoder sends: a command that comes too soon behind the one before, or
//     changes the class too soon, is refused and the one before is acted on until it expires, no longer; a continuous value
//     goes to where it is asked for at most so fast and so far by each command, and begins at 0 behind a safe state. kind
//     none is never held back.
//
//  11. With a dead man's switch (Options.DeadMan, Hold) nothing is accepted while it is not held, and the safe state begins
//     when it is released or was not renewed in time. What came before it was held is not acted on.
//
//  12. Whatever arrives on gyrus.<session>.stop, an empty or damaged message too, and EmergencyStop: the safe state begins,
//     the stop is asked for again where nothing is acted on, and it is latched whatever the options say. A message with a
//     reply subject is answered when the stop is confirmed; the sender repeats it until then. Only Rearm, where the
//     actuator can be seen, lifts it: no message does, since one could be old, replayed, or of somebody far away.
//     Until then each heartbeat of the session that has a reply subject is answered with the stop: a decoder that was started
//     behind it asks that way. A heartbeat of the decoder that says that a stop holds it back counts as that stop, unless it was lifted
//     here (bus.StopLedger): a controller that was started behind it learns of it that way. A stop that comes while another safe
//     state is not confirmed is asked for behind it. Rearm fails within 0.5 s of the newest stop, which nobody can have looked at. A
//     decoder whose link was broken is told, to each heartbeat that asks, that no stop is in force, and for how long all that came was
//     heard here (bus.Clear).
//
//  13. A command whose state is shadow is never acted on: it is refused (shadow) wherever rules 1 to 3 let it pass, however old it is
//     and without a proof, and feeds no watchdog. It and a heartbeat with shadow true begin the safe state: what the decoder said
//     before is taken back. The next command whose state is actuate may end it. A command without a state is malformed: nobody said that it may be acted on.
//
// # What this guarantees
//
// No command is acted on whose true age, counted from t_publish_ns, is above valid_for_ms plus the shortest time on the
// way during the proof plus 500 ppm of the time since the way was last that short. A delay that has been constant since
// the run was first seen cannot be told from a difference of the clocks: one-way times hold no such information. It is below
// 500 ms, the longest way of a nonce there and back. A delay that appears later is seen in full. Nothing of a recording is acted
// on, whoever plays it: it does not know the nonce. After an outage that is longer than the watchdog nothing that was sent before its
// end is acted on: it comes in a burst, and a burst is not 250 ms long. Commands are accepted again 300 to 400 ms after
// the first heartbeat.
//
// Two cases end in the safe state, because acting would be a guess. The sender's machine was suspended (its steady clock
// stood still): until the decoder is started anew. The sender's clock was set back between two runs, so that its new run
// looks older (the counter old_run rises, the reason is older_run): until an operator re-arms, or the controller is started
// anew. A controller on a machine that was itself suspended, on a system whose steady clock stands still meanwhile (Linux),
// can take the first message of the backlog for new, until the next message of the same backlog says otherwise: do not let
// a controller's machine sleep.
//
// # Ending a controller
//
// On SIGTERM stop the actuator first and flush later: Receiver.Close enters the safe state, waits until the stop is
// confirmed, and only then do logs, recordings and the connection follow.
//
// # Feedback
//
// Outcome.Feedback says how a trial ended (outcome, reward, delay) of the newest command that was acted on in it;
// FeedbackSender hands it to the bus without holding up a control loop.
package control
