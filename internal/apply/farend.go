package apply

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"scaleup/internal/host"
	"scaleup/internal/plan"
	"scaleup/internal/remote"
	"scaleup/internal/resource"
)

// farEnd has the server itself bring a resource to its wanted state. The server
// observes before and after in the same request.
func (r *Runner) farEnd(ctx context.Context, s plan.Step, spec resource.Spec) (did bool, err error) {
	h := r.Hosts[s.Server]
	if release, ok := spec.(*resource.Release); ok {
		if err := r.send(ctx, h, release); err != nil {
			return false, err
		}
	}
	p, err := h.Call(ctx, remote.Request{Apply: &remote.Apply{Resource: resource.Resource{Spec: spec}, From: s.From}})
	if err != nil {
		return false, err
	}
	if p.Applied.Stale {
		return false, fmt.Errorf("%w (it was %q, it is %q)", ErrStale, s.From, p.Applied.Before)
	}
	did = p.Applied.Before != s.To
	if _, ok := spec.(*resource.Firewall); ok && did {
		return true, confirm(ctx, h)
	}
	return did, nil
}

// confirm keeps a firewall only after a new connection has passed it; otherwise
// the server goes back to its former rules by itself.
func confirm(ctx context.Context, h host.Host) error {
	if err := h.Reconnect(ctx); err != nil {
		return fmt.Errorf("the new firewall lets no new SSH connection in, so the server goes back to its former rules within 30 s; see ssh.allow in the site file: %w", err)
	}
	_, err := h.Call(ctx, remote.Request{Confirm: true})
	return err
}

// send streams a release's folder to the server.
func (r *Runner) send(ctx context.Context, h host.Host, release *resource.Release) error {
	folder, ok := r.Folders[release.Digest]
	if !ok {
		return fmt.Errorf("send release %s: its folder is not known", release.Digest)
	}
	reader, writer := io.Pipe()
	packed := make(chan error, 1)
	go func() {
		err := resource.Pack(writer, folder)
		writer.CloseWithError(err)
		packed <- err
	}()
	var stderr bytes.Buffer
	code, err := h.Exec(ctx, []string{r.Binary, "remote", "--receive", release.Digest}, host.Stdio{In: reader, Out: io.Discard, Err: &stderr})
	reader.Close()
	if packErr := <-packed; packErr != nil && !errors.Is(packErr, io.ErrClosedPipe) {
		return packErr
	}
	if err != nil {
		return fmt.Errorf("send release: %w", err)
	}
	if code != 0 {
		return fmt.Errorf("send release: %s", strings.TrimSpace(stderr.String()))
	}
	return nil
}
