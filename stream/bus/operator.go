package bus

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nkeys"
	"go.yaml.in/yaml/v3"

	"github.com/gyrus-bci/gyrus/ingest/registry"
)

// The files of an operator's directory, all of them readable by their owner only. A client needs ca.crt and the seed of
// its role; ca.key is needed by nobody who runs, only to make certificates.
const (
	fileCA        = "ca.crt"
	fileCAKey     = "ca.key"
	fileServer    = "server.crt"
	fileServerKey = "server.key"
	fileBroker    = "broker.yaml"
	seedSuffix    = ".nk" // behind the name of the role
)

// InitOptions describe the operator's directory that InitOperator makes.
type InitOptions struct {
	Names []string      // host names and addresses under which clients reach the server; localhost is always one
	Valid time.Duration // of the certificates; 0 means ten years
	// Sessions get keys of their own, which count in them alone; see AddSession.
	Sessions []string
}

// InitOperator makes an operator's directory: an authority of its own, the server's certificate, an NKey for every role,
// and broker.yaml. It is made whole or not at all, and never over one that exists.
func InitOperator(dir string, o InitOptions) error {
	if o.Valid == 0 {
		o.Valid = 3650 * 24 * time.Hour
	}
	if o.Valid < time.Hour {
		return fmt.Errorf("bus: certificates valid for %s, must be at least 1 h", o.Valid)
	}
	hosts, ips, err := certificateNames(o.Names)
	if err != nil {
		return err
	}
	for _, s := range o.Sessions {
		if err := CheckToken("session", s); err != nil {
			return fmt.Errorf("bus: %w", err)
		}
	}
	dir = filepath.Clean(dir)
	files, err := operatorFiles(hosts, ips, o.Valid)
	if err != nil {
		return err
	}
	for _, name := range o.Sessions {
		of, err := sessionFiles(name)
		if err != nil {
			return err
		}
		for f, data := range of {
			files[filepath.Join(dirSessions, name, f)] = data
		}
	}
	return writeFolder(dir, files)
}

// writeFolder writes files into a new folder, whole or not at all, readable by their owner only.
func writeFolder(dir string, files map[string][]byte) (err error) {
	if _, err := os.Lstat(dir); err == nil {
		return fmt.Errorf("bus: %s exists: the keys in it may be in use, so nothing is written over it; name another, or remove it first", dir)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("bus: %w", err)
	}
	tmp, err := os.MkdirTemp(filepath.Dir(dir), "."+filepath.Base(dir)+".") // mode 0700
	if err != nil {
		return fmt.Errorf("bus: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(tmp))
		}
	}()
	for name, data := range files {
		path := filepath.Join(tmp, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), writeSecret(path, data)); err != nil {
			return fmt.Errorf("bus: %w", err)
		}
	}
	if err := os.Rename(tmp, dir); err != nil {
		return fmt.Errorf("bus: %w", err)
	}
	return nil
}

// writeSecret writes a new file that only its owner may read.
func writeSecret(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Sync(), f.Close())
}

// certificateNames sorts names into host names and addresses, with those of this machine that are always right.
func certificateNames(names []string) (hosts []string, ips []net.IP, err error) {
	hosts, ips = []string{"localhost"}, []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
	for _, n := range names {
		if ip := net.ParseIP(n); ip != nil {
			if ip.IsUnspecified() {
				return nil, nil, fmt.Errorf("bus: name %q is where a server listens, not where clients reach it: give the machine's name or address", n)
			}
			ips = append(ips, ip)
			continue
		}
		if n == "" || len(n) > 253 || strings.ContainsAny(n, " /:@*?#,") {
			return nil, nil, fmt.Errorf("bus: name %q must be a host name such as lab.example.org, or an address such as 192.168.1.5", n)
		}
		if !slices.Contains(hosts, n) {
			hosts = append(hosts, n)
		}
	}
	return hosts, ips, nil
}

// operatorFiles is what the directory holds, by name.
func operatorFiles(hosts []string, ips []net.IP, valid time.Duration) (map[string][]byte, error) {
	now := time.Now()
	ca := &x509.Certificate{
		Subject:   pkix.Name{CommonName: "gyrus bus authority"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(valid), // clocks of others may be late
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	srv := &x509.Certificate{
		Subject:   pkix.Name{CommonName: hosts[len(hosts)-1]},
		NotBefore: ca.NotBefore, NotAfter: ca.NotAfter, DNSNames: hosts, IPAddresses: ips,
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}, // the second is for routes to other servers
	}
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("bus: %w", err)
	}
	srvKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("bus: %w", err)
	}
	files := map[string][]byte{}
	for _, c := range []struct {
		cert            *x509.Certificate
		key             *ecdsa.PrivateKey
		file, keyInFile string
	}{{ca, caKey, fileCA, fileCAKey}, {srv, srvKey, fileServer, fileServerKey}} {
		if c.cert.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127)); err != nil {
			return nil, fmt.Errorf("bus: %w", err)
		}
		der, err := x509.CreateCertificate(rand.Reader, c.cert, ca, &c.key.PublicKey, caKey)
		if err != nil {
			return nil, fmt.Errorf("bus: certificate: %w", err)
		}
		key, err := x509.MarshalPKCS8PrivateKey(c.key)
		if err != nil {
			return nil, fmt.Errorf("bus: %w", err)
		}
		files[c.file] = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
		files[c.keyInFile] = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})
	}
	var text strings.Builder
	text.WriteString("# Settings of gyrus bus run, and of a session with bus: {operator: this directory}. docs/security.md explains them.\n" +
		"listen: 0.0.0.0:4222\n" +
		"audit: {listen: \"127.0.0.1:4223\", dir: audit}\n" +
		"# Public keys by role; the seeds are in the files named after the roles. A key that is taken out is refused from the next start on.\n" +
		"keys:\n")
	seeds, list, err := newKeys(Roles(), "  ")
	if err != nil {
		return nil, err
	}
	maps.Copy(files, seeds)
	text.WriteString(list)
	files[fileBroker] = []byte(text.String())
	return files, nil
}

// Operator is an operator's directory, read.
type Operator struct {
	Dir      string
	Config   BrokerConfig
	Sessions map[string]map[Role][]string // public NKeys that count in one session only, by its name
	Ends     time.Time                    // when the first of its certificates ends

	server tls.Certificate
	ca     *x509.CertPool
}

// BrokerConfig is the file broker.yaml.
type BrokerConfig struct {
	Listen    string            `json:"listen" doc:"address and port for clients"`
	Keys      map[Role][]string `json:"keys" doc:"public NKeys of every role, which count in every session"`
	WebSocket WebSocketConfig   `json:"websocket" doc:"listener for browsers, off without an address"`
	Cluster   ClusterConfig     `json:"cluster" doc:"other servers that stand in for this one"`
	Leaf      LeafConfig        `json:"leaf" doc:"servers at the end of a link, each with the rights of one role"`
	Audit     AuditConfig       `json:"audit" doc:"the audit stream, off without a directory"`
}

// WebSocketConfig is the listener for browsers, which may have the role of a viewer only.
type WebSocketConfig struct {
	Listen  string   `json:"listen" doc:"address and port; empty means off"`
	Origins []string `json:"origins" doc:"pages that may connect, such as https://lab.example.org"`
}

// ClusterConfig joins servers of one operator. They know each other by their certificates.
type ClusterConfig struct {
	Listen string   `json:"listen" doc:"address and port for other servers; empty means off"`
	Routes []string `json:"routes" doc:"other servers, nats://host:6222"`
}

// LeafConfig links servers loosely: the remote ones come in with the key of a role, and may do what that role may.
type LeafConfig struct {
	Listen      string `json:"listen" doc:"address and port for leaf nodes; empty means off"`
	URL         string `json:"url" doc:"server to be a leaf of, nats-leaf://host:7422; empty means none"`
	Credentials string `json:"credentials" doc:"seed of the role that this server has there; a relative path counts from the directory"`
	CA          string `json:"ca" doc:"certificate of the authority there; empty means that of this directory"`
}

// ReadOperator reads an operator's directory and checks all that a server needs of it.
func ReadOperator(dir string) (*Operator, error) {
	o := &Operator{Dir: dir}
	bad := func(file string, err error) error {
		return fmt.Errorf("bus: operator's directory: %s: %w", filepath.Join(dir, file), err)
	}
	for _, f := range []string{fileServerKey, fileCA, fileServer, fileBroker} {
		switch err := private(filepath.Join(dir, f), f == fileServerKey); {
		case errors.Is(err, fs.ErrNotExist):
			return nil, bad(f, errors.New("is not there; gyrus bus init makes such a directory"))
		case err != nil:
			return nil, bad(f, err)
		}
	}
	data, err := os.ReadFile(filepath.Join(dir, fileBroker))
	if err != nil {
		return nil, bad(fileBroker, err)
	}
	if err := decodeYAML(&o.Config, data); err != nil {
		return nil, bad(fileBroker, err)
	}
	if err := o.readSessions(); err != nil {
		return nil, fmt.Errorf("bus: operator's directory: %w", err)
	}
	if err := o.checkKeys(); err != nil {
		return nil, bad(fileBroker, err)
	}
	if o.ca, err = readCA(filepath.Join(dir, fileCA)); err != nil {
		return nil, fmt.Errorf("bus: operator's directory: %w", err)
	}
	if o.server, err = tls.LoadX509KeyPair(filepath.Join(dir, fileServer), filepath.Join(dir, fileServerKey)); err != nil {
		return nil, bad(fileServer, err)
	}
	o.Ends = o.server.Leaf.NotAfter
	for _, use := range []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth} {
		if _, err := o.server.Leaf.Verify(x509.VerifyOptions{Roots: o.ca, KeyUsages: []x509.ExtKeyUsage{use}}); err != nil {
			return nil, bad(fileServer, fmt.Errorf("%w; make a new directory with gyrus bus init and hand out its ca.crt", err))
		}
	}
	for _, p := range []*string{&o.Config.Audit.Dir, &o.Config.Leaf.Credentials, &o.Config.Leaf.CA} {
		if *p != "" && !filepath.IsAbs(*p) {
			*p = filepath.Join(dir, *p)
		}
	}
	return o, nil
}

// decodeYAML reads one document strictly.
func decodeYAML(dst any, data []byte) error {
	var root yaml.Node
	if err := yaml.NewDecoder(bytes.NewReader(data)).Decode(&root); err != nil {
		return err
	}
	params, err := registry.YAML(registry.Resolve(root.Content[0]))
	if err != nil {
		return err
	}
	return registry.Decode(dst, params)
}

// Seed is the file with the seed of a role.
func (o *Operator) Seed(r Role) string { return filepath.Join(o.Dir, string(r)+seedSuffix) }

// CA is the file with the certificate of the authority.
func (o *Operator) CA() string { return filepath.Join(o.Dir, fileCA) }

// clientTLS is what a listener for clients shows: the certificate. Clients prove themselves by NKey.
func (o *Operator) clientTLS() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{o.server}}
}

// peerTLS is for links between servers of one operator: both sides show a certificate of the authority.
func (o *Operator) peerTLS() *tls.Config {
	c := o.clientTLS()
	c.RootCAs, c.ClientCAs, c.ClientAuth = o.ca, o.ca, tls.RequireAndVerifyClientCert
	return c
}

func readCA(file string) (*x509.CertPool, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("certificate of the authority: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(data) {
		return nil, fmt.Errorf("certificate of the authority: %s holds no PEM certificate", file)
	}
	return pool, nil
}

// private reports a file that is not there, or, where it holds a secret, that others may read.
func private(file string, secret bool) error {
	st, err := os.Stat(file)
	if err != nil {
		return err
	}
	if secret && runtime.GOOS != "windows" && st.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("others may read it (mode %04o): chmod 600 it, and make new keys if somebody may have read it", st.Mode().Perm())
	}
	return nil
}

// seedKey reads the NKey in a file of credentials.
func seedKey(file string) (nkeys.KeyPair, error) {
	if err := private(file, true); err != nil {
		return nil, fmt.Errorf("credentials %s: %w", file, err)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("credentials %s: %w", file, err)
	}
	defer clear(data)
	pair, err := nkeys.ParseDecoratedNKey(data)
	if err != nil { // the error of the library shows nothing of the content
		return nil, fmt.Errorf("credentials %s: holds no NKey seed, as gyrus bus init writes it: %w", file, err)
	}
	if public, err := pair.PublicKey(); err != nil || !nkeys.IsValidPublicUserKey(public) {
		return nil, fmt.Errorf("credentials %s: is the NKey of a server or an account, must be that of a user", file)
	}
	return pair, nil
}
