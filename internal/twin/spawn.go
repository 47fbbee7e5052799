package twin

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
)

// Spawn starts a helper that outlives this process: a session of its own, no
// terminal, the root folder. It reaps the helper if it ends before we do.
func Spawn(argv []string) error {
	if len(argv) == 0 {
		return errors.New("no command to start")
	}
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir = "/"
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
