package forward

import (
	"log/syslog"
	"net"
	"net/url"
	"slices"

	"stackup.dev/stackup/internal/logs"
	"stackup.dev/stackup/spec"
)

const syslogPort = "514" // RFC 3164 section 2

type syslogSink struct{ w *syslog.Writer }

func openSyslog(c Container, f spec.Forward) (sink, error) {
	tag, err := tagOf(c, f.Tag)
	if err != nil {
		return nil, err
	}
	priority := syslog.LOG_DAEMON
	if n := slices.Index(spec.Facilities, f.Facility); n >= 0 && f.Facility != "" {
		priority = syslog.Priority(n << 3)
	}
	network, at, err := where(f.Address, syslogPort)
	if err != nil {
		return nil, err
	}
	w, err := syslog.Dial(network, at, priority|syslog.LOG_INFO, tag)
	if err != nil {
		return nil, err
	}
	return syslogSink{w}, nil
}

func (s syslogSink) send(r logs.Record) error {
	if r.Stream == logs.Stderr {
		return s.w.Err(string(r.Text))
	}
	return s.w.Info(string(r.Text))
}

func (s syslogSink) close() error { return s.w.Close() }

// where takes an address apart; none is this machine's own.
func where(address, port string) (network, at string, err error) {
	u, err := url.Parse(address)
	if err != nil || address == "" {
		return "", "", err
	}
	if u.Path != "" {
		return u.Scheme, u.Path, nil
	}
	if u.Port() != "" {
		port = u.Port()
	}
	return u.Scheme, net.JoinHostPort(u.Hostname(), port), nil
}
