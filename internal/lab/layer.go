package lab

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"
)

// A layer is a folder of layers/, named by its recipe, that is complete when it
// has its name: it is built under another name and renamed. It holds
//
//	tree/       files; a role's layer lies over the base system's
//	mysql.img   database layers only, see image.go
const (
	layerTree  = "tree"
	layerImage = "mysql.img"
)

// layerSet builds the layers a run needs, each once, as early as it can. The
// machines of a role boot while the layers of other roles are still being built.
type layerSet struct {
	lab     *Lab
	recipes map[string]Recipe // by role
	ready   map[string]*future
}

// future is a result that several goroutines wait for.
type future struct {
	done chan struct{}
	err  error
}

func (f *future) wait(ctx context.Context) error {
	select {
	case <-f.done:
		return f.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func newLayerSet(l *Lab, recipes []Recipe) *layerSet {
	s := &layerSet{lab: l, recipes: map[string]Recipe{}, ready: map[string]*future{}}
	for _, r := range recipes {
		s.recipes[r.Role] = r
		s.ready[r.layer()] = &future{done: make(chan struct{})}
	}
	s.ready[""] = &future{done: make(chan struct{})}
	return s
}

// names are the layers of a role, top first.
func (s *layerSet) names(role string) ([]string, error) {
	if role == "" || role == Bare {
		return []string{baseLayer()}, nil
	}
	r, ok := s.recipes[role]
	if !ok {
		return nil, fmt.Errorf("no recipe for role %s", role)
	}
	if r.layer() == "" {
		return []string{baseLayer()}, nil
	}
	return []string{r.layer(), baseLayer()}, nil
}

// wait blocks until the layers of a role are there.
func (s *layerSet) wait(ctx context.Context, role string) error {
	if role == "" || role == Bare {
		return s.ready[""].wait(ctx)
	}
	return s.ready[s.recipes[role].layer()].wait(ctx)
}

// missing lists the layers that have to be built: the base system's as "".
func (s *layerSet) missing() (base bool, roles []Recipe) {
	for _, r := range s.recipes {
		if name := r.layer(); name != "" && !s.lab.hasLayer(name) {
			roles = append(roles, r)
		}
	}
	return !s.lab.hasLayer(baseLayer()), roles
}

func (l *Lab) hasLayer(name string) bool {
	_, err := os.Stat(filepath.Join(l.layersDir(), name))
	return err == nil
}

// build makes what is missing and settles every future, with an error too.
func (s *layerSet) build(ctx context.Context) error {
	err := s.buildMissing(ctx)
	for _, f := range s.ready {
		s.settle(f, err)
	}
	return err
}

func (s *layerSet) settle(f *future, err error) {
	select {
	case <-f.done:
	default:
		f.err = err
		close(f.done)
	}
}

func (s *layerSet) buildMissing(ctx context.Context) error {
	if base, roles := s.missing(); !base && len(roles) == 0 {
		return nil
	}
	unlock, err := s.lab.lockLayers(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	base, roles := s.missing() // another lab may have built them meanwhile
	for name, f := range s.ready {
		if !base && (name == "" || s.lab.hasLayer(name)) {
			s.settle(f, nil)
		}
	}
	b, err := s.lab.newBuilder(ctx)
	if err != nil {
		return err
	}
	defer b.close()

	g, ctx := errgroup.WithContext(ctx)
	baseBuilt, listed := make(chan struct{}), make(chan struct{})
	g.Go(func() error {
		if base {
			if err := b.buildBase(ctx); err != nil {
				return err
			}
		}
		s.settle(s.ready[""], nil)
		close(baseBuilt)
		return nil
	})
	if len(roles) == 0 {
		return g.Wait()
	}
	g.Go(func() error { // while the base system is being built
		if err := b.updateLists(ctx); err != nil {
			return err
		}
		close(listed)
		return nil
	})
	// The database's layer takes longest. It begins first and has a processor
	// to itself; the others share what is left.
	slices.SortFunc(roles, func(a, b Recipe) int {
		return cmp.Or(cmp.Compare(weight(b), weight(a)), cmp.Compare(a.Role, b.Role))
	})
	g.Go(func() error {
		for _, done := range []chan struct{}{baseBuilt, listed} {
			select {
			case <-done:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return s.buildRoles(ctx, b, roles)
	})
	return g.Wait()
}

func weight(r Recipe) int {
	if r.Database {
		return 1
	}
	return 0
}

func (s *layerSet) buildRoles(ctx context.Context, b *builder, roles []Recipe) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(max(2, runtime.NumCPU()))
	for _, r := range roles {
		g.Go(func() error {
			if err := b.buildRole(ctx, r); err != nil {
				return err
			}
			s.settle(s.ready[r.layer()], nil)
			return nil
		})
	}
	return g.Wait()
}

// builder builds layers in a work folder of its own.
type builder struct {
	lab      *Lab
	settings aptSettings
	work     string
}

func (l *Lab) newBuilder(ctx context.Context) (*builder, error) {
	settings, err := readAptSettings(ctx)
	if err != nil {
		return nil, err
	}
	work := filepath.Join(l.layersDir(), ".work")
	// Left by a run that was killed; the lock says that nobody uses it now.
	if err := os.RemoveAll(work); err != nil {
		return nil, fmt.Errorf("clear layer work folder: %w", err)
	}
	if err := os.MkdirAll(work, 0o755); err != nil {
		return nil, fmt.Errorf("make layer work folder: %w", err)
	}
	b := &builder{lab: l, settings: settings, work: work}
	// A proxy's password may be in it.
	if err := os.WriteFile(b.aptConfig(), []byte(settings.config()), 0o600); err != nil {
		return nil, fmt.Errorf("write apt settings: %w", err)
	}
	return b, nil
}

func (b *builder) close()            { _ = os.RemoveAll(b.work) }
func (b *builder) aptConfig() string { return filepath.Join(b.work, "apt.conf") }
func (b *builder) listsDir() string  { return filepath.Join(b.work, "lists") }

// finish gives a built layer its name.
func (b *builder) finish(built, name string) error {
	if err := os.Rename(built, filepath.Join(b.lab.layersDir(), name)); err != nil {
		return fmt.Errorf("keep layer %s: %w", name, err)
	}
	return nil
}

// explain turns a failure of apt into a sentence about the mirror or the disk.
func (b *builder) explain(what string, err error) error {
	var failed *commandError
	if !errors.As(err, &failed) {
		return fmt.Errorf("%s: %w", what, err)
	}
	if p := diagnoseApt(failed.said, b.settings.mirror); p != nil {
		return p
	}
	return fmt.Errorf("%s: %w", what, err)
}
