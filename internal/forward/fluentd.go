package forward

import (
	"cmp"
	"net"
	"strconv"

	"github.com/fluent/fluent-logger-golang/fluent"

	"stackup.dev/stackup/internal/logs"
	"stackup.dev/stackup/spec"
)

const (
	fluentdAddress = "tcp://127.0.0.1:24224"
	fluentdPort    = "24224"
)

type fluentdSink struct {
	f      *fluent.Fluent
	tag    string
	fields map[string]string
}

// openFluentd names fields as Docker's driver does.
func openFluentd(c Container, f spec.Forward) (sink, error) {
	tag, err := tagOf(c, f.Tag)
	if err != nil {
		return nil, err
	}
	network, at, err := where(cmp.Or(f.Address, fluentdAddress), fluentdPort)
	if err != nil {
		return nil, err
	}
	config := fluent.Config{FluentNetwork: network, MaxRetry: 1, SubSecondPrecision: f.Precise, RequestAck: f.Acknowledged}
	if network == "unix" {
		config.FluentSocketPath = at
	} else {
		host, port, err := net.SplitHostPort(at)
		if err != nil {
			return nil, err
		}
		config.FluentHost = host
		if config.FluentPort, err = strconv.Atoi(port); err != nil {
			return nil, err
		}
	}
	to, err := fluent.New(config)
	if err != nil {
		return nil, err
	}
	fields := along(c, f)
	fields["container_id"], fields["container_name"] = c.ID, "/"+c.Name
	return fluentdSink{to, tag, fields}, nil
}

func (s fluentdSink) send(r logs.Record) error {
	record := map[string]string{"source": string(r.Stream), "log": string(r.Text)}
	for k, v := range s.fields {
		record[k] = v
	}
	if r.Partial {
		record["partial_message"] = "true"
	}
	return s.f.PostWithTime(s.tag, r.Time, record)
}

func (s fluentdSink) close() error { return s.f.Close() }
