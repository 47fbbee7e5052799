package twin

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
)

// logSize is how long a helpers' log is before the next helper begins a new one.
// The one before stays.
const logSize = 1 << 20

// Spawn starts a helper that outlives this process: a session of its own, no
// terminal, the root folder. What it says on standard error goes into a file. It
// reaps the helper if it ends before we do.
func Spawn(argv []string, log string) error {
	if len(argv) == 0 {
		return errors.New("no command to start")
	}
	said, err := openLog(log)
	if err != nil {
		return err
	}
	defer func() { _ = said.Close() }() // the helper has a descriptor of its own
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir, cmd.Stderr = "/", said
	// Nothing of the caller's environment but this: it would live as long as
	// the stack.
	for _, name := range []string{"PATH", "STACKUP_LIBEXEC", "STACKUP_RESOLV_CONF"} {
		if v, ok := os.LookupEnv(name); ok {
			cmd.Env = append(cmd.Env, name+"="+v)
		}
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return err
	}
	go func() { _ = cmd.Wait() }()
	return nil
}

func openLog(path string) (*os.File, error) {
	if st, err := os.Stat(path); err == nil && st.Size() > logSize {
		if err := os.Rename(path, path+".1"); err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, err
		}
	}
	return os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
}
