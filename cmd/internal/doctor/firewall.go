package doctor

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"
)

// firewall names the firewalls that can be seen without privileges. That one is there is no problem of its own: whether
// it lets LSL through is for multicast to say.
func firewall(ctx context.Context, o *Options) []Finding {
	var seen []string
	switch runtime.GOOS {
	case "linux":
		seen = linuxFirewalls(os.ReadFile, func(args ...string) string { return ask(ctx, args...) })
	case "darwin":
		seen = darwinFirewall(ask(ctx, "/usr/libexec/ApplicationFirewall/socketfilterfw", "--getglobalstate"))
	case "windows":
		seen = windowsFirewall(ask(ctx, "netsh", "advfirewall", "show", "currentprofile", "state"))
	}
	if len(seen) == 0 {
		return []Finding{{"firewall", Note, "none can be seen without privileges, which does not mean that there is none", ""}}
	}
	var out []Finding
	for _, s := range seen {
		out = append(out, Finding{"firewall", Note, s + fmt.Sprintf("; LSL needs %s, a bus for others TCP %d or its own port", o.LSL.needs(), natsPort), ""})
	}
	return out
}

// ask runs a program of the system and returns what it prints, "" where it is not there or refuses.
func ask(ctx context.Context, args ...string) string {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, args[0], args[1:]...).Output()
	if err != nil {
		return ""
	}
	return string(out)
}

func linuxFirewalls(read func(string) ([]byte, error), ask func(...string) string) []string {
	var seen []string
	file := func(name string) string {
		data, err := read(name)
		if err != nil {
			return ""
		}
		return string(data)
	}
	if strings.Contains(strings.ToLower(file("/etc/ufw/ufw.conf")), "enabled=yes") {
		seen = append(seen, "ufw is enabled (/etc/ufw/ufw.conf); see: ufw status")
	}
	if strings.TrimSpace(ask("systemctl", "is-active", "firewalld")) == "active" {
		seen = append(seen, "firewalld is active; see: firewall-cmd --list-all")
	}
	if rules := ask("nft", "list", "ruleset"); strings.Contains(rules, "hook input") {
		what := "nftables has rules for what comes in"
		if strings.Contains(rules, "policy drop") {
			what += ", and drops what none of them lets through"
		}
		seen = append(seen, what+"; see: nft list ruleset")
	}
	if tables := strings.Fields(file("/proc/net/ip_tables_names")); len(tables) > 0 {
		seen = append(seen, "iptables is in use ("+strings.Join(tables, ", ")+"); see: iptables -S")
	}
	return seen
}

func darwinFirewall(said string) []string {
	if strings.Contains(said, "State = 1") || strings.Contains(said, "State = 2") {
		return []string{"the application firewall of macOS is on; see System Settings, Network, Firewall"}
	}
	return nil
}

func windowsFirewall(said string) []string {
	for _, ln := range strings.Split(said, "\n") {
		if f := strings.Fields(ln); len(f) >= 2 && strings.EqualFold(f[len(f)-1], "ON") {
			return []string{"Windows Defender Firewall is on for the network's profile; see: wf.msc"}
		}
	}
	return nil
}
