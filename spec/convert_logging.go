package spec

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"text/template"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/docker/go-units"
)

// Facilities are those of syslog by name (RFC 5424 section 6.2.1), by number.
var Facilities = []string{
	"kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp",
	"", "", "", "", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
}

// LogTag is what the template of a tag may name.
type LogTag struct {
	ID, FullID string // of the container; the first has 12 characters at most
	Name       string // the container's visible name
	ImageName  string
	DaemonName string
}

// logOption reads the value of one option.
type logOption func(l *Logging, value string) error

// fileOptions bound the files that every driver but none keeps: what a service
// prints is there to be shown, whatever becomes of what is sent.
var fileOptions = map[string]logOption{
	"max-size": maxSize, "max-file": maxFiles, "compress": compressed,
	"mode": anyOf("blocking", "non-blocking"), // nothing ever waits for a log here
}

var sendOptions = map[string]logOption{
	"cache-max-size": maxSize, "cache-max-file": maxFiles, "cache-compress": compressed, "cache-disabled": anyOf("false"),
	"max-buffer-size": func(_ *Logging, value string) error { // the files are the buffer
		_, err := units.RAMInBytes(value)
		return err
	},
	"tag": func(l *Logging, value string) error {
		l.Forward.Tag = value
		t, err := template.New("tag").Parse(value)
		if err == nil {
			err = t.Execute(&strings.Builder{}, LogTag{})
		}
		return err
	},
}

var alongOptions = map[string]logOption{
	"labels": func(l *Logging, value string) error { l.Forward.Labels = value; return nil },
	"env":    func(l *Logging, value string) error { l.Forward.Environment = value; return nil },
}

// logDrivers are the drivers with their options, beside those that files have.
var logDrivers = map[string][]map[string]logOption{
	"":          {fileOptions},
	"json-file": {fileOptions},
	"local":     {fileOptions},
	LogNone:     {{"mode": fileOptions["mode"]}},
	LogSyslog: {fileOptions, sendOptions, {
		"syslog-address":  serverAddress("tcp", "udp", "unix", "unixgram"),
		"syslog-facility": facility,
		"syslog-format":   anyOf("rfc3164"),
	}},
	LogJournald: {fileOptions, sendOptions, alongOptions},
	LogFluentd: {fileOptions, sendOptions, alongOptions, {
		"fluentd-address":              serverAddress("tcp", "unix"),
		"fluentd-async":                anyOf("true", "false"), // no container ever waits for it
		"fluentd-request-ack":          setting(func(l *Logging) *bool { return &l.Forward.Acknowledged }),
		"fluentd-sub-second-precision": setting(func(l *Logging) *bool { return &l.Forward.Precise }),
	}},
}

// logging takes what keeps output in bounded files on this machine, and the
// drivers that beside it send it elsewhere.
func (c *converter) logging(l *types.LoggingConfig) Logging {
	var out Logging
	if l == nil {
		return out
	}
	options, known := logDrivers[l.Driver]
	if !known {
		c.problem("logging.driver", "%s is not possible here (%s); output can go to bounded files (json-file, local), and from there to syslog, journald or fluentd, or nowhere (none)",
			printable(l.Driver), cmp.Or(noDriver[l.Driver], "there is no such driver"))
		return out
	}
	if out.Driver = l.Driver; l.Driver == "json-file" || l.Driver == "local" {
		out.Driver = "" // files alone
	}
	out.Compress = l.Driver == "local" // as Docker does, unless an option says otherwise
	for _, name := range slices.Sorted(maps.Keys(l.Options)) {
		read := find(options, name)
		if read == nil {
			c.problem("logging.options."+name, "the driver %s has no such option here; remove it", cmp.Or(l.Driver, "json-file"))
		} else if err := read(&out, l.Options[name]); err != nil {
			c.problem("logging.options."+name, "%v", err)
		}
	}
	return out
}

// noDriver says why Docker's other drivers are not there.
var noDriver = map[string]string{
	"gelf":    "its library is no longer kept up",
	"awslogs": "it needs an account of a cloud", "gcplogs": "it needs an account of a cloud", "splunk": "it needs an account of a service",
	"logentries": "the service has ended", "etwlogs": "it is of Windows",
}

func find(options []map[string]logOption, name string) logOption {
	for _, o := range options {
		if read := o[name]; read != nil {
			return read
		}
	}
	return nil
}

func maxSize(l *Logging, value string) (err error) {
	l.MaxSize, err = units.RAMInBytes(value)
	return err
}

func maxFiles(l *Logging, value string) (err error) {
	if l.MaxFiles, err = strconv.Atoi(value); err != nil || l.MaxFiles < 1 {
		return fmt.Errorf("%q is not a number from 1 on", printable(value))
	}
	return nil
}

func compressed(l *Logging, value string) error {
	return setting(func(l *Logging) *bool { return &l.Compress })(l, value)
}

func setting(of func(*Logging) *bool) logOption {
	return func(l *Logging, value string) (err error) {
		if *of(l), err = strconv.ParseBool(value); err != nil {
			return fmt.Errorf("%q is neither true nor false", printable(value))
		}
		return nil
	}
}

func anyOf(values ...string) logOption {
	return func(_ *Logging, value string) error {
		if !slices.Contains(values, value) {
			return fmt.Errorf("%q is not possible here, only %s", printable(value), strings.Join(values, " or "))
		}
		return nil
	}
}

func facility(l *Logging, value string) error {
	l.Forward.Facility = value
	if n, err := strconv.Atoi(value); err == nil && n >= 0 && n < len(Facilities) && Facilities[n] != "" {
		l.Forward.Facility = Facilities[n]
	}
	if l.Forward.Facility == "" || !slices.Contains(Facilities, l.Forward.Facility) {
		return fmt.Errorf("%q is no facility: daemon, user, local0 to local7…", printable(value))
	}
	return nil
}

// serverAddress takes PROTOCOL://HOST:PORT, or unix:///PATH.
func serverAddress(protocols ...string) logOption {
	return func(l *Logging, value string) error {
		if !strings.Contains(value, "://") {
			value = "tcp://" + value
		}
		u, err := url.Parse(value)
		switch {
		case err != nil || !slices.Contains(protocols, u.Scheme):
			err = fmt.Errorf("%q does not begin with one of %s://", printable(value), strings.Join(protocols, "://, "))
		case strings.HasPrefix(u.Scheme, "unix"):
			if u.Host != "" || u.Path == "" {
				err = errors.New("a socket is unix:///PATH")
			}
		case u.Hostname() == "" || u.Path != "":
			err = fmt.Errorf("%q is not %s://HOST:PORT", printable(value), u.Scheme)
		default:
			if u.Port() != "" {
				_, err = net.LookupPort(u.Scheme, u.Port())
			}
		}
		l.Forward.Address = value
		return err
	}
}
