package drill

import (
	"context"
	"fmt"
	"strings"
	"time"

	"scaleup/internal/drill/inject"
	"scaleup/internal/drill/record"
	"scaleup/internal/host"
	"scaleup/internal/remote"
	"scaleup/internal/resource"
	"scaleup/internal/spec"
	"scaleup/internal/survey"
	"scaleup/internal/switchover"
)

// change is a planned change as an Injection: it "bites" when it is done, and
// "healing" takes it back.
type change struct {
	words   string
	targets []string
	do      func(context.Context) (proof string, err error)
	undo    func(context.Context) error

	watch        func() (done func() error, err error) // somebody takes it back should this process die
	unwatch      func() error
	done, undone record.Proof
}

// changeLease is how long a planned change and its way back may take.
const changeLease = 15 * time.Minute

// watched has a change taken back should this process die.
func (e Env) watched(c *change) inject.Injection {
	c.watch = func() (func() error, error) { return inject.Watched(e.Reaper, e.ID, changeLease, e.Options.Converge) }
	return c
}

func (c *change) String() string    { return c.words }
func (c *change) Targets() []string { return c.targets }

func (c *change) Inject(ctx context.Context) (err error) {
	if c.watch != nil {
		if c.unwatch, err = c.watch(); err != nil {
			return err
		}
	}
	proof, err := c.do(ctx)
	if err != nil {
		return err
	}
	c.done = record.Proof{OK: true, Text: proof}
	return nil
}

func (c *change) Bites(context.Context) (record.Proof, error) { return c.done, nil }

func (c *change) Heal(ctx context.Context) error {
	if c.undo != nil {
		if err := c.undo(ctx); err != nil {
			return err
		}
	}
	if c.unwatch != nil {
		if err := c.unwatch(); err != nil {
			return err
		}
	}
	c.undone = record.Proof{OK: true, Text: "the site is as its file says"}
	return nil
}

func (c *change) Healed(context.Context) (record.Proof, error) { return c.undone, nil }

// reload reloads the programs that serve, on every server that has them, the way
// scaleup does it: it makes their records say that they have read an older
// configuration, which is what a changed file comes to, and applies.
func reload(e Env) inject.Injection {
	targets := names(e, spec.Web, spec.LoadBalancer)
	return e.watched(&change{words: "reload Nginx and HAProxy everywhere", targets: targets, do: func(ctx context.Context) (string, error) {
		for _, name := range targets {
			unit, file := "nginx.service", "/etc/nginx/nginx.conf"
			if s, err := e.Site.Server(name); err == nil && s.Role == spec.LoadBalancer {
				unit, file = haproxyUnit, haproxyConfig
			}
			expression := `s|^[0-9a-f]\{64\}  ` + file + `$|` + strings.Repeat("0", 64) + `  ` + file + `|`
			if err := run(ctx, e.Hosts[name], "sed", "-i", expression, resource.LoadedDir+"/"+unit); err != nil {
				return "", fmt.Errorf("%s: %w", name, err)
			}
		}
		steps, err := e.Changes.Settings(ctx, false)
		if err == nil && steps < len(targets) {
			err = fmt.Errorf("there were %d steps, fewer than servers to reload", steps)
		}
		return fmt.Sprintf("reloaded on %s, %d steps", strings.Join(targets, ", "), steps), err
	}})
}

// run runs a program on a server, which has to succeed.
func run(ctx context.Context, h host.Host, argv ...string) error {
	var out strings.Builder
	code, err := h.Exec(ctx, argv, host.Stdio{Out: &out, Err: &out})
	if err == nil && code != 0 {
		err = fmt.Errorf("%s: exit code %d: %s", strings.Join(argv, " "), code, strings.TrimSpace(out.String()))
	}
	return err
}

// switchPrimary hands the database's primary to another member, as an operator
// would before working on its server.
func switchPrimary(e Env) (inject.Injection, error) {
	var others []string
	for _, m := range e.Report.Database.Members {
		if m.Server != e.Primary && m.State == "ONLINE" {
			others = append(others, m.Server)
		}
	}
	if len(others) == 0 {
		return nil, &LacksError{"a second database server", "planned-switch hands the primary over"}
	}
	to := others[e.Rand.IntN(len(others))]
	return &change{words: fmt.Sprintf("hand the primary from %s to %s", e.Primary, to), targets: []string{e.Primary, to}, do: func(ctx context.Context) (string, error) {
		if err := switchover.Run(ctx, e.Site, e.Hosts, switchover.Move{From: e.Primary, To: to}); err != nil {
			return "", err
		}
		s, err := e.Site.Server(to)
		if err != nil {
			return "", err
		}
		p, err := e.Hosts[to].Call(ctx, remote.Request{Member: survey.StatusURL(s)})
		if err != nil {
			return "", err
		}
		group, _ := survey.GroupOf(p)
		return fmt.Sprintf("%s names %s the primary", to, group.Primary), nil
	}}, nil
}

// settings applies the site with other settings on every tier.
func settings(e Env) inject.Injection {
	return e.watched(&change{
		words: "apply other settings to every tier, and the site's own again", targets: names(e, spec.LoadBalancer, spec.Web, spec.App),
		do: func(ctx context.Context) (string, error) {
			steps, err := e.Changes.Settings(ctx, true)
			return fmt.Sprintf("applied, %d steps", steps), err
		},
		undo: func(ctx context.Context) error {
			_, err := e.Changes.Settings(ctx, false)
			return err
		},
	})
}

// release deploys another release and then the site's own again: a roll-out and a
// roll-back.
func release(e Env) inject.Injection {
	return e.watched(&change{
		words: "deploy another release, and the site's own again", targets: names(e, spec.App),
		do: func(ctx context.Context) (string, error) {
			return "deployed", e.Changes.Release(ctx, NewRelease)
		},
		undo: func(ctx context.Context) error { return e.Changes.Release(ctx, OwnRelease) },
	})
}

// brokenRelease deploys a release that cannot work. That it is refused is the
// proof; one that is accepted shows in the requests.
func brokenRelease(e Env) inject.Injection {
	return e.watched(&change{
		words: "deploy a release whose program ends at once", targets: names(e, spec.App),
		do: func(ctx context.Context) (string, error) {
			err := e.Changes.Release(ctx, BrokenRelease)
			if err == nil {
				return "it was not refused", nil
			}
			if ctx.Err() != nil {
				return "", err
			}
			return "refused: " + oneLine(err.Error()), nil
		},
		undo: func(ctx context.Context) error { return e.Changes.Release(ctx, OwnRelease) },
	})
}

func oneLine(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > 200 {
		s = s[:200] + "…"
	}
	return s
}

// reboot restarts one server of each role, the holder of the virtual addresses and
// the primary among them, through scaleup.
func reboot(e Env) inject.Injection {
	targets := []string{e.pick(spec.Web), e.pick(spec.App), e.Primary, e.Holder}
	return e.watched(&change{words: "reboot " + strings.Join(targets, ", ") + ", one after another", targets: targets, do: func(ctx context.Context) (string, error) {
		return "all have rebooted", e.Changes.Reboot(ctx, targets...)
	}})
}

// names lists the servers of roles.
func names(e Env, roles ...spec.Role) []string {
	var all []string
	for _, role := range roles {
		all = append(all, e.Site.Names(role)...)
	}
	return all
}

// LacksError refuses a drill that the site has nothing for.
type LacksError struct{ What, Why string }

func (e *LacksError) Error() string {
	return fmt.Sprintf("the site has not got %s, and %s", e.What, e.Why)
}

// Hint implements the command line's way out.
func (e *LacksError) Hint() string { return "scaleup drill --list shows what each drill needs" }
