// Command testreport sums up a run of `make test`: which tests failed and then passed
// alone, where the time went, how long it took, and the slowest tests.
//
//	testreport [-times] [-all] [-failed] -began SECONDS FOLDER
//
// FOLDER has what the run wrote: *.json with the events of `go test -json`, and below
// e2e/ a .spent file for each test with the kinds of work it spent time on. The exit
// code is 1 if more tests were flaky than a run may have.
package main

import (
	"flag"
	"fmt"
	"os"
	"time"
)

// maxFlaky is how many tests may fail and pass when they run again alone. More are a
// failed run.
const maxFlaky = 2

func main() {
	times := flag.Bool("times", false, "print where the time went")
	began := flag.Int64("began", 0, "when the run began, in seconds since 1970")
	broken := flag.Bool("failed", false, "a step of the run has failed, with or without a test's failing")
	all := flag.Bool("all", false, "print what the run covered")
	flag.Parse()
	if flag.NArg() != 1 {
		flag.Usage()
		os.Exit(2)
	}
	r, err := read(flag.Arg(0))
	if err != nil {
		fmt.Fprintln(os.Stderr, "testreport:", err)
		os.Exit(2)
	}
	if *times {
		r.printTimes(os.Stdout)
	}
	if *all {
		r.printCoverage(os.Stdout)
	}
	flaky := r.printFlaky(os.Stdout)
	if *broken {
		fmt.Println("the run has failed: see above")
	}
	r.printLast(os.Stdout, time.Since(time.Unix(*began, 0)))
	if flaky > maxFlaky {
		os.Exit(1)
	}
}
