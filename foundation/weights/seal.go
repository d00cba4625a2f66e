package weights

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
)

// hashKey is the metadata that seals a file.
const hashKey = "sha256"

// noHash stands where the hash will be while it is computed.
var noHash = string(bytes.Repeat([]byte("0"), 2*sha256.Size))

// Seal is Marshal with a SHA-256 in the metadata, over the whole file with the hash's own digits taken as zeros: Unseal
// refuses a file in which a bit was altered. The same content gives the same bytes.
func Seal(f File) ([]byte, error) {
	if _, taken := f.Metadata[hashKey]; taken {
		return nil, fmt.Errorf("metadata %q: the name is reserved", hashKey)
	}
	meta := maps.Clone(f.Metadata)
	if meta == nil {
		meta = map[string]string{}
	}
	meta[hashKey] = noHash
	raw, err := Marshal(File{Metadata: meta, Tensors: f.Tensors})
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(raw)
	hex.Encode(raw[hashAt(raw):], sum[:])
	return raw, nil
}

// hashAt is where the digits of the hash begin. The key's text cannot occur inside other metadata, whose quotes are
// escaped, nor in a tensor's name, for the same reason.
func hashAt(raw []byte) int {
	key := []byte(`"` + hashKey + `":"`)
	i := bytes.Index(raw, key)
	if i < 0 || len(raw) < i+len(key)+len(noHash) {
		return -1
	}
	return i + len(key)
}

// Unseal reads what Seal made, whole in memory: see Unmarshal. The hash is taken out of the metadata.
func Unseal(raw []byte) (File, error) {
	head, _, err := Split(raw)
	if err != nil {
		return File{}, err
	}
	at := hashAt(raw[:8+len(head)])
	if at < 0 {
		return File{}, errors.New("no SHA-256 in the header: not a file that gyrus sealed, or altered")
	}
	zeroed := bytes.Clone(raw)
	copy(zeroed[at:], noHash)
	sum := sha256.Sum256(zeroed)
	if got := hex.EncodeToString(sum[:]); got != string(raw[at:at+len(got)]) {
		return File{}, fmt.Errorf("the SHA-256 of the content is %.12s…, the file says %.12q…: cut short or altered", got, raw[at:at+len(got)])
	}
	f, err := Unmarshal(raw)
	if err != nil {
		return File{}, err
	}
	delete(f.Metadata, hashKey)
	return f, nil
}
