//go:build linux && amd64

// Clockshift runs a program with a clock that is off, as a server's would be, or whose
// error is said to be another:
//
//	clockshift [-by 1h] [-error 16s] PROGRAM [ARGUMENT...]
//
// All machines of a lab have the clock of their computer's kernel, and a time namespace
// moves only the clocks that no calendar hangs on. So the program is traced: it is kept
// from reading the time without a system call, and what it is told by one is moved.
// Programs that it starts have the right time.
package main

import (
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// Types of the auxiliary vector's entries, of linux/auxvec.h.
const (
	auxNull   = 0
	auxIgnore = 1
	auxVDSO   = 33 // AT_SYSINFO_EHDR
)

// syscallStop marks a stop at a system call, with PTRACE_O_TRACESYSGOOD.
const syscallStop = unix.SIGTRAP | 0x80

func main() {
	code, err := run(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "clockshift:", err)
		code = 1
	}
	os.Exit(code)
}

// lie is what the program is told.
type lie struct {
	by       time.Duration // added to the time of day
	maxError time.Duration // of the clock, by the kernel's word; negative: as it is
}

func run(arguments []string) (code int, err error) {
	var l lie
	flags := flag.NewFlagSet("clockshift", flag.ContinueOnError)
	flags.DurationVar(&l.by, "by", 0, "how far the clock is ahead")
	flags.DurationVar(&l.maxError, "error", -1, "how wrong the kernel says that it may be; 16s when nobody corrects it")
	if err := flags.Parse(arguments); err != nil {
		return 0, err
	}
	if arguments = flags.Args(); len(arguments) == 0 {
		return 0, errors.New("no program to run")
	}
	runtime.LockOSThread() // only the thread that began to trace may go on with it
	program := exec.Command(arguments[0], arguments[1:]...)
	program.Stdin, program.Stdout, program.Stderr = os.Stdin, os.Stdout, os.Stderr
	program.SysProcAttr = &unix.SysProcAttr{Ptrace: true}
	if err := program.Start(); err != nil {
		return 0, err
	}
	pid := program.Process.Pid
	var status unix.WaitStatus
	if _, err := unix.Wait4(pid, &status, 0, nil); err != nil {
		return 0, fmt.Errorf("wait for the program to begin: %w", err)
	}
	if err := hideVDSO(pid); err != nil {
		return 0, fmt.Errorf("keep the program from reading the time by itself: %w", err)
	}
	if err := unix.PtraceSetOptions(pid, unix.PTRACE_O_TRACESYSGOOD|unix.PTRACE_O_TRACECLONE|unix.PTRACE_O_EXITKILL); err != nil {
		return 0, fmt.Errorf("trace the program: %w", err)
	}
	if err := unix.PtraceSyscall(pid, 0); err != nil {
		return 0, fmt.Errorf("trace the program: %w", err)
	}
	return l.tell(pid)
}

// tell changes what the program's threads are told, until it ends.
func (l lie) tell(pid int) (code int, err error) {
	leaving := map[int]bool{} // threads that are inside a system call
	for {
		var status unix.WaitStatus
		thread, err := unix.Wait4(-1, &status, unix.WALL, nil)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return 0, fmt.Errorf("wait for the program: %w", err)
		}
		if !status.Stopped() {
			if delete(leaving, thread); thread != pid {
				continue
			}
			if status.Signaled() {
				return 128 + int(status.Signal()), nil
			}
			return status.ExitStatus(), nil
		}
		var deliver int
		switch signal := status.StopSignal(); signal {
		case syscallStop:
			if leaving[thread] {
				err = l.change(thread)
			}
			leaving[thread] = !leaving[thread]
		case unix.SIGTRAP, unix.SIGSTOP: // a thread was made, and begins
		default:
			deliver = int(signal)
		}
		if err == nil {
			err = unix.PtraceSyscall(thread, deliver)
		}
		if err != nil && !errors.Is(err, unix.ESRCH) { // a thread may be killed at any time
			return 0, fmt.Errorf("trace the program: %w", err)
		}
	}
}

// Where in struct timex, of linux/timex.h, the error is, in microseconds.
const maxErrorAt = 24

// change changes what a thread was told that asked for the time of day, or for the state
// of the clock.
func (l lie) change(thread int) error {
	var registers unix.PtraceRegs
	if err := unix.PtraceGetRegs(thread, &registers); err != nil {
		return err
	}
	switch call := registers.Orig_rax; {
	case call == unix.SYS_CLOCK_GETTIME && registers.Rdi == unix.CLOCK_REALTIME && registers.Rax == 0:
		told, at := make([]byte, 16), uintptr(registers.Rsi) // struct timespec
		if _, err := unix.PtracePeekData(thread, at, told); err != nil {
			return err
		}
		moved := time.Unix(int64(binary.LittleEndian.Uint64(told)), int64(binary.LittleEndian.Uint64(told[8:]))).Add(l.by)
		binary.LittleEndian.PutUint64(told, uint64(moved.Unix()))
		binary.LittleEndian.PutUint64(told[8:], uint64(moved.Nanosecond()))
		_, err := unix.PtracePokeData(thread, at, told)
		return err
	case call == unix.SYS_ADJTIMEX && l.maxError >= 0:
		told := binary.LittleEndian.AppendUint64(nil, uint64(l.maxError.Microseconds()))
		if _, err := unix.PtracePokeData(thread, uintptr(registers.Rdi)+maxErrorAt, told); err != nil {
			return err
		}
		registers.Rax = 0 // a container may not ask at all
		return unix.PtraceSetRegs(thread, &registers)
	}
	return nil
}

// hideVDSO takes the kernel's code for reading the time out of what a program is told
// about itself when it begins, so that it uses the system call. The auxiliary vector
// follows the arguments and the environment on the stack, each ended by a zero word.
func hideVDSO(pid int) error {
	var registers unix.PtraceRegs
	if err := unix.PtraceGetRegs(pid, &registers); err != nil {
		return err
	}
	at := uintptr(registers.Rsp) + 8 // beyond their number
	word := func() (uint64, error) {
		data := make([]byte, 8)
		_, err := unix.PtracePeekData(pid, at, data)
		at += 8
		return binary.LittleEndian.Uint64(data), err
	}
	for range 2 {
		for {
			if w, err := word(); err != nil {
				return err
			} else if w == 0 {
				break
			}
		}
	}
	for {
		kind, err := word()
		switch {
		case err != nil:
			return err
		case kind == auxNull:
			return nil
		case kind == auxVDSO:
			ignore := binary.LittleEndian.AppendUint64(nil, auxIgnore)
			if _, err := unix.PtracePokeData(pid, at-8, ignore); err != nil {
				return err
			}
		}
		at += 8
	}
}
