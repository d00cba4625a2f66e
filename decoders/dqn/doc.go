// Package dqn holds decoders that learn by reward instead of by labels: a deep Q-network (Mnih et al. 2015,
// doi:10.1038/nature14236) over the network of RLEEGNet (Nallani and Ramachandran 2024, arXiv:2402.09465), a
// one-dimensional CNN with an LSTM.
//
// # What reinforcement learning means here
//
// In dqn a trial is one decision: the action is the class, the reward says whether it was right, and nothing follows. That
// is a contextual bandit and no more. There are a target network and double Q-learning, as in the recipe, but the discount
// gamma is 0: the target of the network is the reward alone, and neither changes a bit of what is learned. With a gamma
// above 0 the next trial counts as what follows, as in the recipe; it has nothing to do with the decision, so that this
// shifts all values alike and adds noise. The command says so behind each training. With the reward g for a right decision and −l
// for a wrong one the value of action a is
//
//	Q*(a) = g·p(a) − l·(1 − p(a)),   hence   p(a) = (Q(a) + l) / (g + l)
//
// The largest Q is the largest p whatever g and l are, so what dqn learns is what the same network learns by cross-entropy
// (cnn_lstm), from less information: of each trial it only hears about the action it tried. It is to be compared with that.
//
// In dqn_sequential there is something to decide in time. A trial is a run of overlapping windows; at each the agent
// decides for a class, which ends the trial, or waits, which costs a little. Here value flows back from later windows,
// and the discount, the target network and double Q-learning (van Hasselt, Guez and Silver 2016, arXiv:1509.06461) matter.
//
// # What differs from the published recipe
//
// Public code with the recipe of RLEEGNet gives every trial to the spatial filters of its own true class, which names the
// class in the input: on pure noise with four classes that scores 99.6 % (TestPublishedRecipeLeaks). Here the filters are
// a step of the pipeline (csp), fitted on training trials only, and every trial goes through the filters of all classes.
// The network gets the time course of the filtered signals, runs filters over it that it learns (wave_s), and goes on with
// the power of what they give, step by step (power_s), where the published recipe has statistics worked out beforehand; it
// has layer norm in the place of batch norm.
// The replay memory holds trials that Fit was given and nothing else. Scores are greedy decisions on trials that were
// never trained on; rewards in training are not reported.
package dqn
