package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"scaleup/internal/scaffold"
	"scaleup/internal/spec"
)

// prompter asks questions one after another.
type prompter struct {
	in  *bufio.Reader
	out io.Writer
}

func newPrompter(in io.Reader, out io.Writer) *prompter {
	return &prompter{bufio.NewReader(in), out}
}

// ask asks until an answer is accepted. An empty answer is the default, if there is one.
func (p *prompter) ask(ctx context.Context, question, byDefault string, accept func(string) error) error {
	for {
		if byDefault == "" {
			fmt.Fprintf(p.out, "%s: ", question)
		} else {
			fmt.Fprintf(p.out, "%s [%s]: ", question, byDefault)
		}
		answer, err := p.line(ctx)
		if err != nil {
			return err
		}
		if answer == "" {
			answer = byDefault
		}
		err = accept(answer)
		var wrong usage
		if !errors.As(err, &wrong) {
			return err
		}
		fmt.Fprintf(p.out, "  %s\n  hint: %s\n", wrong.reason, wrong.hint)
	}
}

// line reads an answer. An interrupt ends the wait for it.
func (p *prompter) line(ctx context.Context) (string, error) {
	type answer struct {
		text string
		err  error
	}
	answered := make(chan answer, 1)
	go func() {
		text, err := p.in.ReadString('\n')
		answered <- answer{text, err}
	}()
	select {
	case <-ctx.Done():
		return "", fmt.Errorf("wait for an answer: %w", context.Cause(ctx))
	case a := <-answered:
		if errors.Is(a.err, io.EOF) && a.text == "" {
			return "", hinted{errors.New("the answers ended before the questions"), "say the rest with flags; scaleup init --help lists them"}
		}
		if a.err != nil && !errors.Is(a.err, io.EOF) {
			return "", fmt.Errorf("read the answer: %w", a.err)
		}
		return strings.TrimSpace(a.text), nil
	}
}

// interview asks for what a site file needs. Every answer is judged at once, by spec.
func interview(ctx context.Context, p *prompter, path string) (scaffold.Choices, error) {
	c := scaffold.Choices{}.Complete()
	try := func(set func(*scaffold.Choices, string)) func(string) error {
		return func(answer string) error {
			next := c
			set(&next, answer)
			if err := judge(next, path); err != nil {
				return err
			}
			c = next
			return nil
		}
	}
	if err := p.ask(ctx, "Host name of the site", c.Site, try(func(c *scaffold.Choices, a string) { c.Site, c.Database = a, "" })); err != nil {
		return c, err
	}
	fmt.Fprint(p.out, sizeList())
	if err := p.ask(ctx, "Size", c.Size.Name, func(answer string) (err error) {
		if c.Size, err = scaffold.SizeOf(answer); err != nil {
			return usage{err.Error(), "type one of the names on the left"}
		}
		return nil
	}); err != nil {
		return c, err
	}
	own := false
	if err := p.ask(ctx, "Servers: machines of the lab on this computer, or your own (lab, own)", "lab", func(answer string) error {
		own = answer == "own"
		if !own && answer != "lab" {
			return usage{fmt.Sprintf("%q is neither lab nor own", answer), "type lab or own"}
		}
		return nil
	}); err != nil {
		return c, err
	}
	if own {
		if err := askAddresses(ctx, p, &c, path); err != nil {
			return c, err
		}
	}
	err := askContents(ctx, p, &c, try, path)
	return c, err
}

// askContents asks for the program, the static files and the database.
func askContents(ctx context.Context, p *prompter, c *scaffold.Choices, try func(func(*scaffold.Choices, string)) func(string) error, path string) error {
	folder := func(question, name string, field func(*scaffold.Choices) *string) error {
		byDefault := filepath.Join(filepath.Dir(path), name)
		return p.ask(ctx, question, byDefault, func(answer string) error {
			beside, err := besideFile(path, answer)
			if err != nil {
				return err
			}
			if answer == byDefault { // beside the file wherever the two are moved
				beside = "./" + name
			}
			return try(func(c *scaffold.Choices, a string) { *field(c) = a })(beside)
		})
	}
	if err := folder("Folder of static files", "static", func(c *scaffold.Choices) *string { return &c.Static }); err != nil {
		return err
	}
	if err := folder("Folder of the program", "release", func(c *scaffold.Choices) *string { return &c.Release }); err != nil {
		return err
	}
	for _, q := range []struct {
		question, byDefault string
		set                 func(*scaffold.Choices, string)
	}{
		{"How to start the program", strings.Join(c.Command, " "), func(c *scaffold.Choices, a string) { c.Command = strings.Fields(a) }},
		{"Name of its database", c.Complete().Database, func(c *scaffold.Choices, a string) { c.Database = a }},
		{"Where MySQL comes from (debian-sid, installed)", string(spec.DebianSid), func(c *scaffold.Choices, a string) { c.Packages = a }},
	} {
		if err := p.ask(ctx, q.question, q.byDefault, try(q.set)); err != nil {
			return err
		}
	}
	return nil
}

// askAddresses asks for the addresses of servers of one's own. Those not asked for yet
// are filled in, from a range for benchmarks that no site is in, so that each answer
// can be judged in a whole file.
func askAddresses(ctx context.Context, p *prompter, c *scaffold.Choices, path string) error {
	filler := *c
	filler.Addresses = map[string]string{}
	for i, name := range c.Size.Names() {
		filler.Addresses[name] = fmt.Sprintf("198.18.0.%d", i+1)
	}
	filler.Public, filler.Internal = "198.18.1.1", "198.18.1.2"
	ask := func(question, byDefault string, set func(string)) error {
		return p.ask(ctx, question, byDefault, func(answer string) error {
			set(answer)
			return judge(filler, path)
		})
	}
	for _, name := range c.Size.Names() {
		if err := ask("Address of "+name, "", func(a string) { filler.Addresses[name] = a }); err != nil {
			return err
		}
	}
	if err := ask("Free address that the users reach", "", func(a string) { filler.Public = a }); err != nil {
		return err
	}
	if err := ask("Free address that the tiers reach each other at", "", func(a string) { filler.Internal = a }); err != nil {
		return err
	}
	if err := ask("User to log in as", c.User, func(a string) { filler.User = a }); err != nil {
		return err
	}
	*c = filler
	return nil
}

// judge is what spec says of a file with these choices.
func judge(c scaffold.Choices, path string) error {
	text, err := c.Complete().Text()
	if err != nil {
		return err
	}
	_, err = scaffold.Check(text, path)
	return asUsage(err)
}
