package montage

// Count is the number of spellings that the rule knows, the four old names among them.
func Count() int { return len(spelling) }
