package fault

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// CPU leaves a service no more than a part of one processor, as a noisy neighbour
// would. It needs the unified tree's cpu controller; where that is missing it does
// not bite.
type CPU struct {
	Unit    string `json:"unit"`
	Percent int    `json:"percent"` // of one processor
}

// quotaName is the state that says that the limit is this fault's.
const quotaName = "quota"

func (c *CPU) String() string { return fmt.Sprintf("%d %% CPU for %s", c.Percent, c.Unit) }

// Inject implements Fault. It refuses a service that has a limit of its own, which
// it could not put back.
func (c *CPU) Inject(ctx context.Context, at Place) error {
	if c.Percent < 1 {
		return fmt.Errorf("limit %s: %d %% of a processor is nothing to run with", c.Unit, c.Percent)
	}
	u, err := at.runningUnit(ctx, c.Unit)
	if err != nil {
		return err
	}
	ours, err := at.recall(quotaName, new(bool))
	if err != nil {
		return err
	}
	if !ours && u.Quota != "infinity" {
		return fmt.Errorf("limit %s: it has a limit of its own, %s per second", c.Unit, u.Quota)
	}
	if err := at.remember(quotaName, true); err != nil {
		return err
	}
	return c.set(ctx, at, fmt.Sprintf("%d%%", c.Percent))
}

func (c *CPU) set(ctx context.Context, at Place, quota string) error {
	if _, err := at.command(ctx, "systemctl", "set-property", "--runtime", c.Unit, "CPUQuota="+quota); err != nil {
		return fmt.Errorf("limit %s: %w", c.Unit, err)
	}
	return nil
}

// Bites implements Fault: the kernel's own word counts.
func (c *CPU) Bites(ctx context.Context, at Place) (string, bool, error) {
	text, percent, err := c.limit(ctx, at)
	return text, err == nil && percent > 0 && percent <= float64(c.Percent), err
}

// limit reads what the kernel lets the service have, in percent of a processor; 0
// is no limit.
func (c *CPU) limit(ctx context.Context, at Place) (text string, percent float64, err error) {
	u, err := at.unit(ctx, c.Unit)
	if err != nil {
		return "", 0, err
	}
	dir := at.groupDir(u)
	if dir == "" {
		return c.Unit + " has no control group", 0, nil
	}
	data, err := os.ReadFile(filepath.Join(dir, "cpu.max"))
	if errors.Is(err, fs.ErrNotExist) {
		return c.Unit + ": this server's control groups cannot limit CPU (there is no cpu.max)", 0, nil
	}
	if err != nil {
		return "", 0, fmt.Errorf("read the limit of %s: %w", c.Unit, err)
	}
	line := strings.TrimSpace(string(data))
	percent, err = parseCPUMax(line)
	return fmt.Sprintf("%s: cpu.max is %q", c.Unit, line), percent, err
}

// parseCPUMax reads "quota period" in microseconds, or "max period".
func parseCPUMax(line string) (percent float64, err error) {
	quota, period, _ := strings.Cut(line, " ")
	if quota == "max" {
		return 0, nil
	}
	q, qerr := strconv.ParseFloat(quota, 64)
	p, perr := strconv.ParseFloat(period, 64)
	if err := errors.Join(qerr, perr); err != nil || p <= 0 {
		return 0, fmt.Errorf("cpu.max %q is not a quota and a period", line)
	}
	return 100 * q / p, nil
}

// Heal implements Fault.
func (c *CPU) Heal(ctx context.Context, at Place) error {
	ours, err := at.recall(quotaName, new(bool))
	if err != nil || !ours {
		return err
	}
	if err := c.set(ctx, at, ""); err != nil {
		return err
	}
	return at.forget(quotaName)
}

// Healed implements Fault.
func (c *CPU) Healed(ctx context.Context, at Place) (string, bool, error) {
	text, percent, err := c.limit(ctx, at)
	return text, err == nil && percent == 0, err
}
