package ctrd

import "sync"

// ahead is what is done for containers beside their creation. Whoever touches
// the same things waits for it first. The zero ahead is ready.
type ahead struct {
	mu   sync.Mutex
	byID map[string]chan struct{}
	all  sync.WaitGroup
}

// begin runs do for a container.
func (a *ahead) begin(id string, do func()) {
	a.await(id)
	done := make(chan struct{})
	a.mu.Lock()
	if a.byID == nil {
		a.byID = map[string]chan struct{}{}
	}
	a.byID[id] = done
	a.mu.Unlock()
	a.all.Go(func() {
		defer close(done)
		do()
	})
}

// await returns when nothing is under way for a container.
func (a *ahead) await(id string) {
	a.mu.Lock()
	done := a.byID[id]
	delete(a.byID, id)
	a.mu.Unlock()
	if done != nil {
		<-done
	}
}

// wait returns when nothing is under way at all.
func (a *ahead) wait() { a.all.Wait() }
