// Package kind says in which way a value breaks a schema.
package kind

import (
	"fmt"
	"math/big"
	"strings"

	"golang.org/x/text/message"
)

// Type is a value of another type than the schema wants.
type Type struct {
	Got  string
	Want []string // any of them
}

// LocalizedString says what is wrong, after the place where it is.
func (k *Type) LocalizedString(p *message.Printer) string {
	return p.Sprintf("got %s, want %s", k.Got, strings.Join(k.Want, " or "))
}

// Minimum is a number below Want.
type Minimum struct{ Got, Want *big.Rat }

// LocalizedString says what is wrong, after the place where it is.
func (k *Minimum) LocalizedString(p *message.Printer) string {
	return p.Sprintf("must be at least %s", k.Want.RatString())
}

// Maximum is a number above Want.
type Maximum struct{ Got, Want *big.Rat }

// LocalizedString says what is wrong, after the place where it is.
func (k *Maximum) LocalizedString(p *message.Printer) string {
	return p.Sprintf("must be at most %s", k.Want.RatString())
}

// AdditionalProperties are properties that the schema does not know, sorted.
type AdditionalProperties struct{ Properties []string }

// LocalizedString says what is wrong, after the place where it is.
func (k *AdditionalProperties) LocalizedString(p *message.Printer) string {
	return p.Sprintf("additional properties %s not allowed", quoted(k.Properties))
}

// Required are properties that are not there, in the schema's order.
type Required struct{ Missing []string }

// LocalizedString says what is wrong, after the place where it is.
func (k *Required) LocalizedString(p *message.Printer) string {
	if len(k.Missing) == 1 {
		return p.Sprintf("missing property %s", quoted(k.Missing))
	}
	return p.Sprintf("missing properties %s", quoted(k.Missing))
}

// Enum is a value that is none of those wanted.
type Enum struct {
	Got  any
	Want []any
}

// LocalizedString says what is wrong, after the place where it is.
func (k *Enum) LocalizedString(p *message.Printer) string {
	words := make([]string, len(k.Want))
	for i, w := range k.Want {
		words[i] = word(w)
	}
	if len(words) == 1 {
		return p.Sprintf("value must be %s", words[0])
	}
	return p.Sprintf("value must be one of %s", strings.Join(words, ", "))
}

// Pattern is a string that does not match Want.
type Pattern struct{ Got, Want string }

// LocalizedString says what is wrong, after the place where it is.
func (k *Pattern) LocalizedString(p *message.Printer) string {
	return p.Sprintf("%s does not match pattern %s", word(k.Got), word(k.Want))
}

// UniqueItems is a list with two equal items, at these places.
type UniqueItems struct{ First, Second int }

// LocalizedString says what is wrong, after the place where it is.
func (k *UniqueItems) LocalizedString(p *message.Printer) string {
	return p.Sprintf("items at %d and %d are equal", k.First, k.Second)
}

// OneOf is a value that none, or more than one, of several schemas takes.
type OneOf struct{ Matched int }

// LocalizedString says what is wrong, after the place where it is.
func (k *OneOf) LocalizedString(p *message.Printer) string {
	if k.Matched == 0 {
		return p.Sprintf("oneOf failed, none matched")
	}
	return p.Sprintf("oneOf failed, %d matched", k.Matched)
}

// FalseSchema is a value where there may be none.
type FalseSchema struct{}

// LocalizedString says what is wrong, after the place where it is.
func (*FalseSchema) LocalizedString(p *message.Printer) string { return p.Sprintf("false schema") }

// Group stands for all of its causes.
type Group struct{}

// LocalizedString says what is wrong, after the place where it is.
func (*Group) LocalizedString(p *message.Printer) string { return p.Sprintf("validation failed") }

func quoted(names []string) string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = word(n)
	}
	return strings.Join(out, ", ")
}

func word(v any) string {
	if s, ok := v.(string); ok {
		return "'" + strings.ReplaceAll(s, "'", `\'`) + "'"
	}
	return fmt.Sprint(v)
}
