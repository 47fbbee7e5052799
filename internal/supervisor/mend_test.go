package supervisor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"stackup.dev/stackup/internal/network"
)

// links are networks in memory that lose things.
type links struct {
	mu     sync.Mutex
	begin  time.Time
	lost   []network.Loss
	stuck  string // the network that cannot be put right
	undone bool   // whatever is put right is lost again at once
	broken error  // of the look
	did    []string
	heard  chan struct{}
}

func (l *links) note(format string, args ...any) {
	l.did = append(l.did, fmt.Sprintf("%.1f ", time.Since(l.begin).Seconds())+fmt.Sprintf(format, args...))
}

func (l *links) Look(_ context.Context, stack string) ([]network.Loss, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.note("look%s", stack)
	return slices.Clone(l.lost), l.broken
}

func (l *links) Mend(_ context.Context, name string) ([]network.Loss, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.note("mend %s", name)
	if name == l.stuck {
		return nil, errors.New("no such parent")
	}
	if l.undone {
		select {
		case l.heard <- struct{}{}:
		default:
		}
		return nil, nil
	}
	l.lost = slices.DeleteFunc(l.lost, func(x network.Loss) bool { return x.Network == name })
	return nil, nil
}

func (l *links) Settings() []string { return []string{"/proc/sys/some"} }

func (l *links) C() <-chan struct{} { return l.heard }

// happens is a change that is heard.
func (l *links) happens(lost ...network.Loss) {
	l.mu.Lock()
	l.lost = append(l.lost, lost...)
	l.mu.Unlock()
	select {
	case l.heard <- struct{}{}:
	default:
	}
}

// mending runs a Mender on links in fake time, and returns what it has done.
func mending(t *testing.T, l *links, story func()) (did []string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		l.begin, l.heard = time.Now(), make(chan struct{}, 1)
		ctx, cancel := context.WithCancel(t.Context())
		looked := 0
		m := Mender{Links: l, News: newsOf{l}, Log: slog.New(slog.NewTextHandler(t.Output(), nil)), Looked: func() { looked++ }}
		done := make(chan struct{})
		go func() { defer close(done); m.Run(ctx) }()
		synctest.Wait()
		story()
		time.Sleep(time.Minute)
		cancel()
		<-done
		did = l.did
		looks := 0
		for _, d := range did {
			if strings.HasSuffix(d, " look") {
				looks++
			}
		}
		if looked != looks {
			t.Errorf("told of %d looks, there were %d", looked, looks)
		}
	})
	return did
}

type newsOf struct{ *links }

func (n newsOf) Settings([]string) {}

func TestMender(t *testing.T) {
	front, back := network.Loss{Network: "front", What: "firewall rules"}, network.Loss{Network: "back", What: "a link"}
	for _, tt := range []struct {
		name  string
		links *links
		story func(l *links)
		want  []string
	}{
		{"it looks at the beginning", &links{lost: []network.Loss{front}}, func(*links) {}, []string{"0.0 look", "0.0 mend front"}},
		{"a loss that is heard", &links{}, func(l *links) {
			time.Sleep(time.Second)
			l.happens(front, network.Loss{Network: "front", What: "a link"}, back)
		}, []string{"0.0 look", "1.2 look", "1.2 mend front", "1.2 mend back"}},
		{"a burst is one look", &links{}, func(l *links) {
			for range 10 {
				l.happens()
				time.Sleep(100 * time.Millisecond)
			}
		}, []string{"0.0 look", "1.1 look"}},
		{"no end of news", &links{}, func(l *links) {
			for range 50 {
				l.happens()
				time.Sleep(100 * time.Millisecond)
			}
		}, []string{"0.0 look", "2.0 look", "4.0 look", "5.1 look"}},
		{"one that cannot be put right keeps nobody from it", &links{stuck: "front"}, func(l *links) {
			time.Sleep(time.Second)
			l.happens(front, back)
			time.Sleep(1500 * time.Millisecond)
			l.happens(back)
			time.Sleep(1500 * time.Millisecond)
			l.mu.Lock()
			l.stuck = ""
			l.mu.Unlock()
		}, []string{
			"0.0 look", "1.2 look", "1.2 mend front", "1.2 mend back", "2.2 look", "2.2 mend front",
			"2.7 look", "2.7 mend back", "3.7 look", "4.2 look", "4.2 mend front", "8.2 look",
		}},
		{"somebody undoes it", &links{undone: true}, func(l *links) {
			time.Sleep(time.Second)
			l.happens(front)
			time.Sleep(20 * time.Second)
			l.mu.Lock()
			l.undone = false
			l.mu.Unlock()
		}, []string{
			"0.0 look", "1.2 look", "1.2 mend front", "1.4 look", "1.4 mend front", "1.6 look", "2.4 look", "2.4 mend front", "2.6 look",
			"4.4 look", "4.4 mend front", "4.6 look", "8.4 look", "8.4 mend front", "8.6 look", "16.4 look", "16.4 mend front", "16.6 look", "32.4 look", "32.4 mend front", "62.4 look",
		}},
		{"a look that fails", &links{broken: errors.New("no netlink")}, func(l *links) {
			time.Sleep(500 * time.Millisecond)
			l.mu.Lock()
			l.broken = nil
			l.mu.Unlock()
		}, []string{"0.0 look", "1.0 look"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := tt.links
			if got := mending(t, l, func() { tt.story(l) }); !slices.Equal(got, tt.want) {
				t.Errorf("did %q, want %q", got, tt.want)
			}
		})
	}
}
