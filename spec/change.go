package spec

// Change is one field that differs between two versions of a service.
type Change struct {
	Field  string `json:"field"`            // full path: environment.LOG_LEVEL
	Old    string `json:"old"`              // empty if the field was absent
	New    string `json:"new"`              // empty if the field is gone
	Secret bool   `json:"secret,omitempty"` // the name looks like a secret's: mask the values when shown
}
