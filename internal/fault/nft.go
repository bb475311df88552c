package fault

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"scaleup/internal/resource"
)

// tableName is the only table of nftables that faults touch, inet scaleup_drill.
const tableName = "scaleup_drill"

// rules are what the table does to packets. Every rule asks the set drilled first,
// whose elements the kernel removes after a time: from then on nothing is dropped,
// also when nobody is left to delete the table.
type rules struct {
	SSH      uint16   // port of the server's SSH, whose packets always pass
	Type     string   // of the set's elements, in nft's words
	Elements []string // of the set
	Expire   time.Duration
	In, Out  []string // rules for packets to and from the server
}

// script is what nft loads in one transaction. The chains come before connection
// tracking (-300) and before the site's own filter (0): what they drop, nobody
// else sees.
func (r rules) script() string {
	var b strings.Builder
	fmt.Fprintf(&b, "table inet %s\ndelete table inet %s\n\ntable inet %s {\n", tableName, tableName, tableName)
	for _, counter := range []string{"seen", "dropped_in", "dropped_out"} {
		fmt.Fprintf(&b, "\tcounter %s {\n\t}\n", counter)
	}
	elements := make([]string, len(r.Elements))
	for i, e := range r.Elements {
		elements[i] = fmt.Sprintf("%s timeout %dms", e, r.Expire.Milliseconds())
	}
	fmt.Fprintf(&b, "\tset drilled {\n\t\ttype %s\n\t\tflags timeout\n\t\telements = { %s }\n\t}\n", r.Type, strings.Join(elements, ", "))
	chain(&b, "prerouting", fmt.Sprintf("tcp dport %d accept", r.SSH), r.In)
	chain(&b, "output", fmt.Sprintf("tcp sport %d accept", r.SSH), r.Out)
	b.WriteString("}\n")
	return b.String()
}

func chain(b *strings.Builder, hook, first string, rules []string) {
	fmt.Fprintf(b, "\tchain %s {\n\t\ttype filter hook %s priority -310; policy accept;\n\t\t%s\n", hook, hook, first)
	for _, r := range rules {
		fmt.Fprintf(b, "\t\t%s\n", r)
	}
	b.WriteString("\t}\n")
}

// loadTable replaces the table in one transaction.
func loadTable(ctx context.Context, p Place, r rules) error {
	if r.SSH == 0 {
		return errors.New("load nftables: the port of SSH is not given, and its packets must pass")
	}
	if r.Expire < time.Millisecond {
		return fmt.Errorf("load nftables: rules that expire after %s", r.Expire)
	}
	_, err := p.System.Run(ctx, resource.Command{Argv: []string{"nft", "-f", "-"}, Stdin: strings.NewReader(r.script())})
	if err != nil {
		return fmt.Errorf("load nftables: %w", err)
	}
	return nil
}

// table is the table as the kernel has it.
type table struct {
	There    bool
	Packets  map[string]uint64 // by counter
	Elements int               // of the set that have not expired
}

func (t table) dropped() uint64 { return t.Packets["dropped_in"] + t.Packets["dropped_out"] }

func readTable(ctx context.Context, p Place) (table, error) {
	out, err := p.command(ctx, "nft", "--json", "list", "table", "inet", tableName)
	if noTable(err) {
		return table{}, nil
	}
	if err != nil {
		return table{}, fmt.Errorf("read nftables: %w", err)
	}
	return parseTable([]byte(out))
}

// noTable reports whether nft failed because the table is not there.
func noTable(err error) bool {
	exit, ok := errors.AsType[*resource.ExitError](err)
	return ok && strings.Contains(exit.Output, "No such file or directory")
}

// parseTable reads libnftables-json(5).
func parseTable(data []byte) (table, error) {
	var doc struct {
		Nftables []struct {
			Counter *struct {
				Name    string
				Packets uint64
			}
			Set *struct {
				Name string
				Elem []json.RawMessage
			}
		}
	}
	if err := json.Unmarshal(data, &doc); err != nil {
		return table{}, fmt.Errorf("read nftables: %w", err)
	}
	t := table{There: true, Packets: map[string]uint64{}}
	for _, o := range doc.Nftables {
		if o.Counter != nil {
			t.Packets[o.Counter.Name] = o.Counter.Packets
		}
		if o.Set != nil && o.Set.Name == "drilled" {
			t.Elements = len(o.Set.Elem)
		}
	}
	return t, nil
}

// deleteTable removes the table; there reports whether there was one.
func deleteTable(ctx context.Context, p Place) (there bool, err error) {
	_, err = p.command(ctx, "nft", "delete", "table", "inet", tableName)
	if noTable(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("delete the drill's nftables: %w", err)
	}
	return true, nil
}

// dropping is the proof that packets are dropped. Elements that have expired prove
// nothing against it: the counters stay.
func dropping(ctx context.Context, p Place) (string, bool, error) {
	t, err := readTable(ctx, p)
	if err != nil || !t.There {
		return "the drill's nftables are not loaded", false, err
	}
	text := fmt.Sprintf("dropped %d packets in and %d out", t.Packets["dropped_in"], t.Packets["dropped_out"])
	return text, t.dropped() > 0, nil
}

// passing is the proof that nothing is dropped any more.
func passing(ctx context.Context, p Place) (string, bool, error) {
	t, err := readTable(ctx, p)
	switch {
	case err != nil:
		return "", false, err
	case !t.There:
		return "the drill's nftables are gone", true, nil
	case t.Elements == 0:
		return fmt.Sprintf("the drill's nftables have expired, after %d dropped packets", t.dropped()), true, nil
	default:
		return "the drill's nftables still drop packets", false, nil
	}
}

// ipv4 writes addresses as elements of a set. The site speaks IPv4 only.
func ipv4(addresses []netip.Addr) ([]string, error) {
	if len(addresses) == 0 {
		return nil, errors.New("no addresses are given")
	}
	elements := make([]string, len(addresses))
	for i, a := range addresses {
		if !a.Is4() {
			return nil, fmt.Errorf("%s is not an IPv4 address", a)
		}
		elements[i] = a.String()
	}
	return elements, nil
}

// join writes addresses for people.
func join(addresses []netip.Addr) string {
	words := make([]string, len(addresses))
	for i, a := range addresses {
		words[i] = a.String()
	}
	return strings.Join(words, ", ")
}
