// Command schema holds documents against the schema of the Compose
// Specification by the libraries as they are published, for the test of ours:
// one JSON object per line in, one line of JSON out, null or what is wrong. The
// first line out is the schema itself.
package main

import (
	"bufio"
	"encoding/json"
	"log"
	"os"

	"github.com/compose-spec/compose-go/v2/schema"
)

func main() {
	out := json.NewEncoder(os.Stdout)
	say := func(v any) {
		if err := out.Encode(v); err != nil {
			log.Fatal(err)
		}
	}
	say(schema.Schema)
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		var doc map[string]any
		if err := json.Unmarshal(in.Bytes(), &doc); err != nil {
			log.Fatal(err)
		}
		if err := schema.Validate(doc); err != nil {
			say(err.Error())
		} else {
			say(nil)
		}
	}
	if err := in.Err(); err != nil {
		log.Fatal(err)
	}
}
