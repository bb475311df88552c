package remote

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"syscall"
)

// EncodeArgv writes an argument vector in letters no shell interprets. The
// arguments are bytes, not text: file names need not be UTF-8.
func EncodeArgv(argv []string) (string, error) {
	if len(argv) == 0 {
		return "", errors.New("no command to run")
	}
	list := make([][]byte, len(argv))
	for i, a := range argv {
		list[i] = []byte(a)
	}
	data, err := json.Marshal(list)
	if err != nil {
		return "", fmt.Errorf("encode command: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(data), nil
}

// DecodeArgv reads what EncodeArgv wrote.
func DecodeArgv(encoded string) ([]string, error) {
	data, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil {
		return nil, fmt.Errorf("decode command: %w", err)
	}
	var list [][]byte
	if err := json.Unmarshal(data, &list); err != nil {
		return nil, fmt.Errorf("decode command: %w", err)
	}
	if len(list) == 0 {
		return nil, errors.New("decode command: it is empty")
	}
	argv := make([]string, len(list))
	for i, a := range list {
		argv[i] = string(a)
	}
	return argv, nil
}

// Become runs an encoded argument vector in this process's place, so that a terminal
// and its signals are the program's own. It returns only when that fails.
func Become(encoded string) error {
	argv, err := DecodeArgv(encoded)
	if err != nil {
		return err
	}
	path, err := exec.LookPath(argv[0])
	if err != nil {
		return fmt.Errorf("run %s: %w", argv[0], err)
	}
	return fmt.Errorf("run %s: %w", path, syscall.Exec(path, argv, os.Environ()))
}

// Exec runs an encoded argument vector and returns its exit code: 127 when there
// is no such program, as a shell would say.
func Exec(ctx context.Context, encoded string, stdin io.Reader, stdout, stderr io.Writer) (int, error) {
	argv, err := DecodeArgv(encoded)
	if err != nil {
		return 0, err
	}
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, stdout, stderr
	err = cmd.Run()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return exit.ExitCode(), nil
	}
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist) {
		fmt.Fprintln(stderr, err)
		return 127, nil
	}
	return 0, err
}
