package segment

// Room is the number of samples per channel that s has memory for.
func Room(s *Sliding) int { return cap(s.hist.x[0]) }
