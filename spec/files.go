package spec

// FileKind says what a file in a container is.
type FileKind string

// The kinds of files that a service is given by name.
const (
	KindConfig FileKind = "config"
	KindSecret FileKind = "secret"
)

// File is a config or a secret of a service, as it stands in its containers.
// Where its content comes from is known, but no content of a secret, nor of
// the environment, is ever written down with it.
type File struct {
	Kind   FileKind `json:"kind"`
	Source string   `json:"source"` // top-level key
	Target string   `json:"target"` // absolute path in the container
	UID    int      `json:"uid"`    // -1: that of the user the container runs as
	GID    int      `json:"gid"`    // likewise
	Mode   uint32   `json:"mode"`   // permission bits
	Digest string   `json:"digest"` // of the content
	Path   string   `json:"path,omitempty"`
	Text   string   `json:"text,omitempty"`        // inline content of a config
	From   string   `json:"environment,omitempty"` // variable that the content is taken from
	Value  string   `json:"-"`                     // its value; gone once the Stack is
}
