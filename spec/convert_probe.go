package spec

import (
	"maps"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"

	"github.com/compose-spec/compose-go/v2/types"
)

// probed adds what x-stackup says of a service's health.
func (c *converter) probed(cfg types.ServiceConfig, out *Service) {
	own, _ := cfg.Extensions[extension].(map[string]any)
	if v, given := own["restart_unhealthy"]; given {
		on, is := v.(bool)
		if !is {
			c.problem(extension+".restart_unhealthy", "must be true or false")
		}
		out.Restart.Unhealthy = on
	}
	v, given := own["probe"]
	if !given {
		return
	}
	h := Healthcheck{}
	if out.Healthcheck != nil {
		h = *out.Healthcheck
	}
	if len(h.Test) > 0 || h.Disable {
		c.problem(extension+".probe", "healthcheck says how to probe already; leave its test out, it gives the times")
	}
	h.Probe = c.probe(v)
	out.Healthcheck = &h
	if h.Probe.Log != "" && out.Logging.Driver == LogNone {
		c.problem("logging.driver", "with none there is no log for %s.probe to look at", extension)
	}
}

// probe reads one of http, tcp and log.
func (c *converter) probe(value any) (p Probe) {
	const attr = extension + ".probe"
	fields, is := value.(map[string]any)
	if !is || len(fields) != 1 {
		c.problem(attr, "must be one of http, tcp and log")
		return p
	}
	for _, kind := range slices.Sorted(maps.Keys(fields)) {
		text, isText := fields[kind].(string)
		if n, isNumber := fields[kind].(int); isNumber {
			text, isText = strconv.Itoa(n), true
		}
		var ok bool
		switch kind {
		case "http":
			p.HTTP, ok = probeURL(text)
		case "tcp":
			p.TCP, ok = probeAddress(text)
		case "log":
			_, err := regexp.Compile(text)
			p.Log, ok = text, err == nil && text != ""
		}
		if !ok || !isText {
			c.problem(attr+"."+printable(kind), "%q is none: http is a URL such as http://localhost:8080/health, tcp a port or an address with one, log a regular expression", printable(text))
		}
	}
	return p
}

// probeURL has an address in the place of localhost, as nothing is looked up.
func probeURL(text string) (string, bool) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" {
		return "", false
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	address, ok := probeAddress(net.JoinHostPort(u.Hostname(), port))
	u.Host = address
	return u.String(), ok
}

func probeAddress(text string) (string, bool) {
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		host, port = "localhost", text
	}
	if host == "localhost" || host == "" {
		host = "127.0.0.1"
	}
	n, err := strconv.ParseUint(port, 10, 16)
	_, bad := netip.ParseAddr(host)
	return net.JoinHostPort(host, port), err == nil && n > 0 && bad == nil
}
