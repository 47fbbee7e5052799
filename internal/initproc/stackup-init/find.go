package main

import (
	"os"
	"strings"
)

// find looks for a program in PATH as execvp(3) does. A name that is not found
// is returned as it is: running it then gives the right error.
func find(name string) string {
	if strings.Contains(name, "/") {
		return name
	}
	for dir := range strings.SplitSeq(os.Getenv("PATH"), ":") {
		if dir == "" {
			dir = "."
		}
		path := dir + "/" + name
		if st, err := os.Stat(path); err == nil && st.Mode().IsRegular() && st.Mode()&0o111 != 0 {
			return path
		}
	}
	return name
}
