package enginetest

import (
	"context"
)

// fault is what happens instead of, or after, the call's effect.
type fault struct {
	err    error // what the call returns
	hang   bool  // the call returns only when its ctx ends
	effect bool  // the effect happens all the same
}

// Fail lets the nth call of a method, counted from 1, fail with err and
// without effect.
func (f *Fake) Fail(method string, nth int, err error) { f.script(method, nth, fault{err: err}) }

// FailLate is Fail for a call that has its effect and yet reports an error.
func (f *Fake) FailLate(method string, nth int, err error) {
	f.script(method, nth, fault{err: err, effect: true})
}

// Hang lets the nth call of a method hang until its ctx ends. With effect it
// does what it was to do before it hangs.
func (f *Fake) Hang(method string, nth int, effect bool) {
	f.script(method, nth, fault{hang: true, effect: effect})
}

func (f *Fake) script(method string, nth int, x fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.faults[method] == nil {
		f.faults[method] = map[int]fault{}
	}
	f.faults[method][nth] = x
}

// act is the way every method goes: note the call, do its effect under the
// lock, and let the scripted fault show.
func (f *Fake) act(ctx context.Context, method, object string, effect func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	x, err := f.enter(method, object, effect)
	if x.hang {
		<-ctx.Done()
		return ctx.Err()
	}
	if x.err != nil {
		return x.err
	}
	return err
}

func (f *Fake) enter(method, object string, effect func() error) (fault, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, Call{method, object})
	f.counts[method]++
	x, faulty := f.faults[method][f.counts[method]]
	if faulty && !x.effect {
		return x, nil
	}
	defer f.notify()
	return x, effect()
}
