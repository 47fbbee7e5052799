package forward

import (
	"errors"
	"strings"

	"github.com/coreos/go-systemd/v22/journal"

	"stackup.dev/stackup/internal/logs"
	"stackup.dev/stackup/spec"
)

type journaldSink struct{ fields map[string]string }

// openJournald names fields as Docker's driver does.
func openJournald(c Container, f spec.Forward) (sink, error) {
	if !journal.Enabled() {
		return nil, errors.New("journald does not run on this machine")
	}
	tag, err := tagOf(c, f.Tag)
	if err != nil {
		return nil, err
	}
	fields := map[string]string{
		"CONTAINER_ID": c.ID[:min(len(c.ID), shortID)], "CONTAINER_ID_FULL": c.ID, "CONTAINER_NAME": c.Name,
		"CONTAINER_TAG": tag, "IMAGE_NAME": c.Image, "SYSLOG_IDENTIFIER": tag,
	}
	for name, value := range along(c, f) {
		fields[fieldName(name)] = value
	}
	return journaldSink{fields}, nil
}

func (s journaldSink) send(r logs.Record) error {
	priority := journal.PriInfo
	if r.Stream == logs.Stderr {
		priority = journal.PriErr
	}
	fields := s.fields
	if r.Partial {
		fields = map[string]string{"CONTAINER_PARTIAL_MESSAGE": "true"}
		for k, v := range s.fields {
			fields[k] = v
		}
	}
	return journal.Send(string(r.Text), priority, fields)
}

func (s journaldSink) close() error { return nil }

// fieldName makes a name of journald's of any: letters, digits and _, not
// beginning with _ (systemd.journal-fields(7)).
func fieldName(name string) string {
	name = strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, strings.ToUpper(name))
	return strings.TrimLeft(name, "_")
}
