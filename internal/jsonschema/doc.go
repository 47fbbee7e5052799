// Package jsonschema holds values against a JSON schema. It stands in for
// github.com/santhosh-tekuri/jsonschema/v6, which the Compose library asks for:
// that one works out the metaschemas of five drafts whenever a program starts,
// and the whole schema before the first value. Of this one nothing is worked
// out before a value needs it.
//
// It knows of draft 2020-12 what the schema of the Compose Specification uses.
// A keyword that it does not know is an error, never ignored.
package jsonschema

import (
	"encoding/json"
	"fmt"
	"io"
	"sync"

	"golang.org/x/text/message"
)

// ErrorKind says in which way a value breaks a schema; see package kind.
type ErrorKind interface {
	LocalizedString(p *message.Printer) string
}

// ValidationError says where a value breaks a schema. Where there are Causes,
// they say more.
type ValidationError struct {
	InstanceLocation []string // names and positions, from the root of the value
	ErrorKind        ErrorKind
	Causes           []*ValidationError
}

func (e *ValidationError) Error() string {
	return fmt.Sprintf("at %v: %T", e.InstanceLocation, e.ErrorKind)
}

// Format checks strings of a kind of their own.
type Format struct {
	Name     string
	Validate func(v any) error
}

// Compiler makes a Schema of the one resource that it is given.
type Compiler struct{ text []byte }

// NewCompiler gives an empty one.
func NewCompiler() *Compiler { return &Compiler{} }

// UnmarshalJSON reads a resource for AddResource, as it stands.
func UnmarshalJSON(r io.Reader) (any, error) {
	text, err := io.ReadAll(r)
	return json.RawMessage(text), err
}

// AddResource takes what UnmarshalJSON has read.
func (c *Compiler) AddResource(url string, resource any) error {
	text, ok := resource.(json.RawMessage)
	if !ok || c.text != nil {
		return fmt.Errorf("%s: one resource as UnmarshalJSON gives it, not %T", url, resource)
	}
	c.text = text
	return nil
}

// RegisterFormat does nothing: formats are not checked unless a schema's
// vocabulary asks for it (JSON Schema Validation 2020-12, section 7.2.1).
func (c *Compiler) RegisterFormat(*Format) {}

// Compile reads the outermost keywords.
func (c *Compiler) Compile(string) (*Schema, error) {
	s := &Schema{root: &node{raw: c.text}, defs: map[string]*node{}}
	k, err := s.root.keywords()
	if err == nil {
		s.defs = k.Defs
	}
	return s, err
}

// Schema may be used by several goroutines at a time.
type Schema struct {
	root     *node
	defs     map[string]*node
	patterns sync.Map // *regexp.Regexp by its text
}

// node is one schema inside another, read when a value comes to it.
type node struct {
	raw  json.RawMessage
	once sync.Once
	kw   *keywords
	err  error
}

// UnmarshalJSON keeps the text for later.
func (n *node) UnmarshalJSON(b []byte) error {
	n.raw = append(n.raw[:0], b...)
	return nil
}
