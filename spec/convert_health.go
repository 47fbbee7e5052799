package spec

import "github.com/compose-spec/compose-go/v2/types"

// healthcheck converts a probe (Compose Specification, healthcheck). A test of
// NONE is the same as disable.
func (c *converter) healthcheck(h *types.HealthCheckConfig) *Healthcheck {
	if h == nil {
		return nil
	}
	out := &Healthcheck{
		Test: some(h.Test), Disable: h.Disable,
		Interval: c.span("interval", h.Interval), Timeout: c.span("timeout", h.Timeout),
		StartPeriod: c.span("start_period", h.StartPeriod), StartInterval: c.span("start_interval", h.StartInterval),
	}
	if h.Retries != nil {
		out.Retries = int(min(*h.Retries, 1<<31-1))
	}
	if len(h.Test) == 0 {
		return out
	}
	switch h.Test[0] {
	case "NONE":
		return &Healthcheck{Disable: true}
	case "CMD", "CMD-SHELL":
		if len(h.Test) < 2 {
			c.problem("healthcheck.test", "%s needs a command after it", h.Test[0])
		}
	default:
		c.problem("healthcheck.test", "a list must start with CMD, CMD-SHELL or NONE, not %q", printable(h.Test[0]))
	}
	if out.Disable {
		return &Healthcheck{Disable: true}
	}
	return out
}

func (c *converter) span(attr string, d *types.Duration) Duration {
	if d == nil {
		return 0
	}
	return c.notNegative("healthcheck."+attr, Duration(*d))
}
