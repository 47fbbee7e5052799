package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"time"

	"stackup.dev/stackup/bench/internal/measure"
)

// lines is what a program says, for two goroutines.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// all measures one case after the other.
func (p *project) all(ctx context.Context) error {
	for name, text := range map[string]string{"stack.yaml": stack, "src/page": "0", "conf/default.conf": server(0)} {
		if err := p.write(name, text); err != nil {
			return err
		}
	}
	if err := p.tree(); err != nil {
		return err
	}
	if err := p.run(ctx, "up", "-d", "--wait"); err != nil {
		return err
	}
	if err := p.starts(ctx); err != nil {
		return err
	}
	c, err := p.watch(ctx)
	if err != nil {
		return err
	}
	cases := []func() error{p.one, p.thousand, p.restart, p.environment}
	if p.Name == "docker" {
		cases = cases[:3] // it does not look at the stack's own files
	}
	for _, one := range cases {
		if err := one(); err != nil {
			return err
		}
	}
	time.Sleep(2 * time.Second)
	before := measure.Ticks(c.Process.Pid)
	time.Sleep(10 * time.Second)
	_, _ = fmt.Fprintf(os.Stdout, "%-44s %d ms of processor time in 10 s (target 0)\n", "at rest", 10*(measure.Ticks(c.Process.Pid)-before))
	return end(c)
}

// tree has 50,000 files of which 90 of 100 are left out.
func (p *project) tree() error {
	for i := range 500 {
		for j := range 100 {
			dir := fmt.Sprintf("src/node_modules/m%d", i)
			if j >= 90 {
				dir = fmt.Sprintf("src/d%d", i)
			}
			if err := p.write(fmt.Sprintf("%s/f%d", dir, j), "x"); err != nil {
				return err
			}
		}
	}
	return nil
}

// starts is the time until all is watched, with the program's own start and its
// look at the stack.
func (p *project) starts(ctx context.Context) error {
	var all []time.Duration
	for range 5 {
		begin := time.Now()
		c, err := p.watch(ctx, "--no-up")
		if err != nil {
			return err
		}
		all = append(all, time.Since(begin))
		if err := end(c); err != nil {
			return err
		}
	}
	measure.Tell("start over 50,000 files, 90 % left out", all, "500 ms")
	return nil
}

func (p *project) one() error {
	file := inside("/app/page")
	var all []time.Duration
	for i := range p.saves {
		time.Sleep(time.Duration(250+rand.IntN(100)) * time.Millisecond)
		text := fmt.Sprint("save ", i)
		begin := time.Now()
		if err := p.write("src/page", text); err != nil {
			return err
		}
		if err := measure.Until(5*time.Second, "the save is there", func() bool { return reads(file, text) }); err != nil {
			return err
		}
		all = append(all, time.Since(begin))
	}
	measure.Tell("one file, in the container", all, "30 ms, p99 60 ms")
	return nil
}

func (p *project) thousand() error {
	var all []time.Duration
	for round := range 5 {
		time.Sleep(time.Second)
		begin := time.Now()
		for i := range 1000 {
			if err := p.write(fmt.Sprintf("src/many/d%d/f%d", i%20, i), fmt.Sprint("round ", round, i)); err != nil {
				return err
			}
		}
		root := inside("/app/many")
		err := measure.Until(10*time.Second, "all are there", func() bool {
			for i := 999; i >= 0; i-- {
				if !reads(fmt.Sprintf("%s/d%d/f%d", root, i%20, i), fmt.Sprint("round ", round, i)) {
					return false
				}
			}
			return true
		})
		if err != nil {
			return err
		}
		all = append(all, time.Since(begin))
	}
	measure.Tell("1,000 files at once, all in the container", all, "1 s")
	return nil
}

func server(n int) string {
	return fmt.Sprintf("server { listen 80; location / { return 200 \"answer %d\"; } }\n", n)
}

func (p *project) restart() error {
	var all []time.Duration
	for i := 1; i <= 10; i++ {
		time.Sleep(time.Second)
		begin := time.Now()
		if err := p.write("conf/default.conf", server(i)); err != nil {
			return err
		}
		if err := measure.Until(10*time.Second, "the new answer", func() bool { return page() == fmt.Sprint("answer ", i) }); err != nil {
			return err
		}
		all = append(all, time.Since(begin))
	}
	measure.Tell("sync+restart of nginx, first changed answer", all, "400 ms")
	return nil
}

func (p *project) environment() error {
	var all []time.Duration
	for i := 1; i <= 5; i++ {
		time.Sleep(time.Second)
		begin := time.Now()
		if err := p.write("stack.yaml", strings.Replace(stack, `LEVEL: "0"`, fmt.Sprintf("LEVEL: %q", fmt.Sprint(i)), 1)); err != nil {
			return err
		}
		err := measure.Until(20*time.Second, "a healthy new container", func() bool {
			said, err := p.Command(context.Background(), p.path("stack.yaml"), "ps", "app").Output()
			return err == nil && strings.Contains(string(said), "(healthy)") && measure.HasEnv(sleepers(), fmt.Sprintf("LEVEL=%d", i)) > 0
		})
		if err != nil {
			return err
		}
		all = append(all, time.Since(begin))
	}
	measure.Tell("a changed variable, new container healthy", all, "1 s")
	return nil
}
