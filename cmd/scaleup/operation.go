package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gofrs/flock"
	gossh "golang.org/x/crypto/ssh"

	"scaleup/internal/apply"
	"scaleup/internal/component"
	"scaleup/internal/host"
	"scaleup/internal/host/ssh"
	"scaleup/internal/journal"
	"scaleup/internal/lab"
	"scaleup/internal/plan"
	"scaleup/internal/remote"
	"scaleup/internal/resource"
	"scaleup/internal/secrets"
	"scaleup/internal/spec"
	"scaleup/internal/status"
	"scaleup/internal/survey"
	"scaleup/internal/topology"
)

// operation is one command at work on one site.
type operation struct {
	*options
	topology *topology.Topology
	stateDir string
	binary   ssh.Binary
}

// load reads the site file and what this process is. Nothing is touched.
func (o *options) load() (*operation, error) { return o.loadWith(spec.Load) }

// loadToLook is load for verbs that send nothing of what the file names on this computer:
// they work as well when it is missing or has expired.
func (o *options) loadToLook() (*operation, error) { return o.loadWith(spec.LoadText) }

func (o *options) loadWith(read func(path string) (*spec.Site, error)) (*operation, error) {
	path, err := o.siteFile()
	if err != nil {
		return nil, err
	}
	site, err := read(path)
	if err != nil {
		return nil, err
	}
	t, err := topology.Build(site)
	if err != nil {
		return nil, usage{err.Error(), "see lab.subnet in the site file"}
	}
	return &operation{options: o, topology: t, stateDir: secrets.Dir(site)}, nil
}

func (o *options) siteFile() (string, error) {
	if o.file != "" {
		return o.file, nil
	}
	if _, err := os.Stat("site.yaml"); err == nil {
		return "site.yaml", nil
	}
	return "", usage{"no site file named, and no site.yaml here", "name one with -f, such as: -f examples/ha.yaml"}
}

// lock keeps two operators (or one in two windows) from changing the same site
// at once.
func (op *operation) lock(ctx context.Context) (unlock func(), err error) {
	if err := os.MkdirAll(op.stateDir, 0o700); err != nil {
		return nil, fmt.Errorf("make the state folder: %w", err)
	}
	l := flock.New(filepath.Join(op.stateDir, "lock"))
	ok, err := l.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", l.Path(), err)
	}
	if !ok {
		return nil, hinted{fmt.Errorf("another scaleup is changing %s right now", op.topology.Site.Name), "wait until it has ended; it holds " + l.Path()}
	}
	return func() { l.Close() }, nil
}

// store opens the site's secrets.
func (op *operation) store() (*secrets.Store, component.Secrets, error) {
	s, err := secrets.Open(op.stateDir)
	if err != nil {
		return nil, component.Secrets{}, err
	}
	values, err := s.Load(op.topology)
	return s, values, err
}

// releases are the digests of the folders the site ships, and where they lie.
func (op *operation) releases() (component.Releases, map[string]string, error) {
	site := op.topology.Site
	app, err := resource.TreeDigest(site.App.Release)
	if err != nil {
		return component.Releases{}, nil, fmt.Errorf("read the app's release: %w", err)
	}
	static, err := resource.TreeDigest(site.Web.Static)
	if err != nil {
		return component.Releases{}, nil, fmt.Errorf("read the static files: %w", err)
	}
	return component.Releases{App: app, Static: static}, map[string]string{app: site.App.Release, static: site.Web.Static}, nil
}

// openLab opens the lab of the site. The key is needed only where machines are
// made.
func (op *operation) openLab(log func(server, message string), authorized []byte) (*lab.Lab, error) {
	dir := op.labDir
	if dir == "" {
		dir = os.Getenv("SCALEUP_LAB_DIR")
	}
	site := op.topology.Site
	return lab.Open(lab.Config{Dir: dir, Name: site.Lab.Name, Subnet: site.Lab.Subnet, AuthorizedKey: authorized, Log: log})
}

// dialer knows how every server of the site is reached.
type dialer struct {
	op     *operation
	signer gossh.Signer
	known  gossh.HostKeyCallback // servers of the file
	lab    *lab.Lab              // servers of the lab
	// greeting bounds the wait for a server's first word; see ssh.Target.
	greeting time.Duration
}

func (op *operation) dialer() (*dialer, error) {
	var err error
	if op.binary, err = ssh.OwnBinary(); err != nil {
		return nil, err
	}
	d := &dialer{op: op}
	key := op.topology.Site.SSH.Key
	if op.topology.InLab() {
		if d.lab, err = op.openLab(nil, nil); err != nil {
			return nil, err
		}
		store, err := secrets.Open(op.stateDir)
		if err != nil {
			return nil, err
		}
		if key, _, err = store.SSHKey(); err != nil {
			return nil, err
		}
	} else if d.known, err = ssh.KnownHosts(op.topology.Site.SSH.KnownHosts); err != nil {
		return nil, err
	}
	d.signer, err = ssh.ReadSigner(key)
	return d, err
}

func (d *dialer) target(s topology.Server) (ssh.Target, error) {
	t := ssh.Target{Server: s.Name, Address: s.Address.String(), Port: topology.PortSSH, User: "root", Signer: d.signer, HostKeys: d.known, Binary: d.op.binary, Greeting: d.greeting}
	if s.Remote {
		site := d.op.topology.Site
		t.User, t.Port = site.SSH.User, int(site.SSH.Port)
		return t, nil
	}
	line, err := d.lab.HostKey(s.Name)
	if err != nil {
		return t, err
	}
	t.HostKeys, err = ssh.FixedKey(line)
	return t, err
}

// impatient is a dialer for those to whom a dead server is an answer.
func (op *operation) impatient() (*dialer, error) {
	d, err := op.dialer()
	if err == nil {
		d.greeting = status.Greeting
	}
	return d, err
}

func (d *dialer) dial(ctx context.Context, s topology.Server) (host.Host, error) {
	t, err := d.target(s)
	if err != nil {
		return nil, err
	}
	return ssh.Dial(ctx, t)
}

// errOff is why a machine of the lab is not dialled: its address may be somebody else's.
var errOff = errors.New("it is powered off")

// dialEach opens connections side by side, and tells why there is none to the others.
func dialEach(ctx context.Context, servers []topology.Server, dial func(context.Context, topology.Server) (host.Host, error)) (map[string]host.Host, map[string]error) {
	var mu sync.Mutex
	var wait sync.WaitGroup
	hosts, failed := map[string]host.Host{}, map[string]error{}
	for _, s := range servers {
		wait.Go(func() {
			h, err := dial(ctx, s)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				failed[s.Name] = err
				return
			}
			hosts[s.Name] = h
		})
	}
	wait.Wait()
	return hosts, failed
}

// connect opens a connection to every server, side by side, and names all that
// cannot be reached.
func (op *operation) connect(ctx context.Context) (map[string]host.Host, func(), error) {
	// While a lab is down, its addresses may be somebody else's: nothing is sent there.
	off, err := op.labOff(ctx)
	if err != nil {
		return nil, nil, err
	}
	if len(off) > 0 {
		return nil, nil, hinted{fmt.Errorf("%s: off", listed(off)), unreachableHint(true)}
	}
	d, err := op.dialer()
	if err != nil {
		return nil, nil, err
	}
	hosts, failed := dialEach(ctx, op.topology.Servers, d.dial)
	done := func() {
		for _, h := range hosts {
			h.Close()
		}
	}
	if len(failed) > 0 {
		done()
		var failures []error
		for _, name := range op.names() {
			failures = append(failures, failed[name])
		}
		return nil, nil, hinted{errors.Join(failures...), unreachableHint(op.topology.InLab())}
	}
	return hosts, done, nil
}

func unreachableHint(inLab bool) string {
	if inLab {
		return "scaleup up starts the lab's machines; scaleup status shows which are off"
	}
	return "see that the servers run, and ssh.user, ssh.key and ssh.known_hosts in the site file"
}

// surveyed is a site as it is and as it should be.
type surveyed struct {
	*survey.Survey
	plan    plan.Plan
	hosts   map[string]host.Host
	folders map[string]string
}

// survey asks the servers and makes the plan.
func (op *operation) survey(ctx context.Context, surplus []string) (*surveyed, func(), error) {
	store, values, err := op.store()
	if err != nil {
		return nil, nil, err
	}
	if err := recoveryEnded(store); err != nil {
		return nil, nil, err
	}
	releases, folders, err := op.releases()
	if err != nil {
		return nil, nil, err
	}
	hosts, done, err := op.connect(ctx)
	if err != nil {
		return nil, nil, err
	}
	s, err := survey.Take(ctx, survey.Input{Topology: op.topology, Hosts: hosts, Secrets: values, Releases: releases, Binary: op.binary.RemotePath()})
	if err != nil {
		done()
		return nil, nil, err
	}
	s.Observed.Surplus = surplus
	if err := plan.Check(s.Desired, s.Observed); err != nil {
		done()
		return nil, nil, err
	}
	return &surveyed{Survey: s, plan: plan.Make(s.Desired, s.Observed), hosts: hosts, folders: folders}, done, nil
}

// carryOut runs a plan.
func (op *operation) carryOut(ctx context.Context, s *surveyed, log *journal.Log) error {
	r := apply.Runner{
		Topology: op.topology, Hosts: s.hosts, Items: s.Desired.Items, Folders: s.folders, Binary: op.binary.RemotePath(), Journal: log,
	}
	if op.topology.InLab() || op.bareLab() {
		r.PowerOn = func(ctx context.Context, server string) error { return op.powerOn(ctx, server, log) }
	}
	if err := confirmFirewalls(ctx, s.hosts); err != nil {
		return err
	}
	// What becomes of machines themselves is the lab's part: see removeMachines.
	steps := slices.DeleteFunc(slices.Clone(s.plan.Steps), func(s plan.Step) bool { return s.Component == "lab" })
	err := r.Run(ctx, plan.Plan{Steps: steps})
	if err == nil {
		return nil
	}
	return hinted{fmt.Errorf("apply stopped: %w", err), "servers after this step are as they were; when the cause is mended, run the command again: it goes on from here"}
}

// confirmFirewalls keeps rules that an earlier run loaded and was cut off before
// it confirmed them: that these connections came about is all the proof they need.
func confirmFirewalls(ctx context.Context, hosts map[string]host.Host) error {
	var wait sync.WaitGroup
	var mu sync.Mutex
	var failures []error
	for name, h := range hosts {
		wait.Go(func() {
			if _, err := h.Call(ctx, remote.Request{Confirm: true}); err != nil {
				mu.Lock()
				defer mu.Unlock()
				failures = append(failures, fmt.Errorf("%s: %w", name, err))
			}
		})
	}
	wait.Wait()
	return errors.Join(failures...)
}

// openJournal opens the site's journal and shows its events as progress.
func (op *operation) openJournal(command string) (*journal.Log, error) {
	return journal.Open(filepath.Join(op.stateDir, "journal.ndjson"), command, newProgress(op.err).show)
}

// names lists servers for completion and errors.
func (op *operation) names() []string {
	var names []string
	for _, s := range op.topology.Servers {
		names = append(names, s.Name)
	}
	return names
}

// listed joins names for a sentence.
func listed(names []string) string { return strings.Join(names, ", ") }
