package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// errDeclined is a question answered with no.
var errDeclined = errors.New("no changes were made")

// confirm asks a question. Without a terminal, or with --no-input, it must have
// been answered by --yes.
func (o *options) confirm(question string) error {
	if o.yes {
		return nil
	}
	if o.noInput || !isTerminal(o.in) {
		return hinted{errors.New("this needs a confirmation and nobody can be asked: " + question), "say --yes"}
	}
	fmt.Fprintf(o.err, "%s [y/N] ", question)
	answer, err := bufio.NewReader(o.in).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read the answer: %w", err)
	}
	if a := strings.ToLower(strings.TrimSpace(answer)); a == "y" || a == "yes" {
		return nil
	}
	return errDeclined
}

func isTerminal(stream any) bool {
	file, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

func writeJSON(w io.Writer, v any) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(v)
}
