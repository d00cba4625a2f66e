// Package seizure holds networks that are small enough for an implant: they tell the windows of an epileptic seizure
// (ictal) from those in front of one (preictal) and far from any (interictal), in integers with weights of eight bits, and can be
// written as C. Beside them are the rules by which windows are labelled (Label), the vote that makes alarms of scores
// (Vote), and the rules by which alarms are scored (Score).
//
// The three networks follow the idea of Liu and Richardson ("Edge deep learning for neural implants", 2021,
// doi:10.1088/1741-2552/abf473, arXiv:2012.00307); the sizes are of gyrus, since the paper's are not public.
//
// # Two ways to compute the same
//
// Every network exists twice. The float way trains, and answers unless int8 is true. The integer way begins with samples
// of 16 bits (as a converter gives them) and uses integers only: weights of 8 bits, 13 between layers, logits of 16. With 8
// between layers edge_cnn lost more than half a point of accuracy on some patients. It is defined by the operations of
// fixed.go alone, so the Go code, and the C code that Model.C makes, agree in every bit.
package seizure
