package lbagent

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// watch tells when a file comes or goes, for as long as stop has not been called.
// Several changes in a row may be told once. The file's folder must exist.
func watch(path string) (changed <-chan struct{}, stop func(), err error) {
	fd, err := syscall.InotifyInit1(syscall.IN_NONBLOCK | syscall.IN_CLOEXEC)
	if err != nil {
		return nil, nil, fmt.Errorf("watch %s: %w", path, err)
	}
	events := os.NewFile(uintptr(fd), "inotify")
	const comesOrGoes = syscall.IN_CREATE | syscall.IN_MOVED_TO | syscall.IN_DELETE | syscall.IN_MOVED_FROM
	if _, err := syscall.InotifyAddWatch(fd, filepath.Dir(path), comesOrGoes); err != nil {
		events.Close()
		return nil, nil, fmt.Errorf("watch %s: %w", path, err)
	}
	told := make(chan struct{}, 1)
	go func() {
		buffer := make([]byte, 16*(syscall.SizeofInotifyEvent+syscall.NAME_MAX+1))
		for {
			n, err := events.Read(buffer)
			if err != nil { // closed
				return
			}
			if !names(buffer[:n], filepath.Base(path)) {
				continue
			}
			select {
			case told <- struct{}{}:
			default: // the one before has not been heard yet
			}
		}
	}()
	return told, func() { events.Close() }, nil
}

// names reports whether one of the kernel's events is about a file of this name.
// Each event is a header, which ends with the length of the name, and the name,
// filled up with zeros.
func names(events []byte, name string) bool {
	for len(events) >= syscall.SizeofInotifyEvent {
		end := syscall.SizeofInotifyEvent + int(binary.NativeEndian.Uint32(events[syscall.SizeofInotifyEvent-4:]))
		if end > len(events) {
			return false // the kernel never cuts one off
		}
		if strings.TrimRight(string(events[syscall.SizeofInotifyEvent:end]), "\x00") == name {
			return true
		}
		events = events[end:]
	}
	return false
}
