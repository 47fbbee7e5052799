// Package engine finds, starts, serves and stops the containerd that a
// machine's stacks live on.
//
// There are two kinds. A system engine is a containerd that somebody else runs;
// it is only ever talked to. The embedded engine is containerd's server linked
// into this program: a process of its own, started when it is needed, detached
// from the command that started it, with its own root, state and socket.
//
// Law: containers outlive the engine. Whatever the engine has to know after it
// was killed is on disk or in a shim, never in its memory alone.
package engine
