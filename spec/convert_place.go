package spec

import (
	"path"
	"path/filepath"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
)

// defaultRuntime is what containerd calls the runtime that is used anyway.
const defaultRuntime = "io.containerd.runc.v2"

// runtime is the OCI runtime's program, by name or path.
func (c *converter) runtime(name string) string {
	switch {
	case name == defaultRuntime || name == "runc":
		return ""
	case strings.HasPrefix(name, "io.containerd."):
		c.problem("runtime", "%s would need a shim of its own; name the program of an OCI runtime, such as crun", printable(name))
	case name != "" && !path.IsAbs(name) && !isName(name):
		c.problem("runtime", "%q is neither a program's name nor its absolute path", printable(name))
	}
	return name
}

// cgroupParent is a path below the root of control groups.
func (c *converter) cgroupParent(parent string) string {
	clean := strings.TrimPrefix(path.Clean("/"+parent), "/")
	if parent != "" && (clean == "" || !filepath.IsLocal(strings.TrimPrefix(parent, "/"))) {
		c.problem("cgroup_parent", "%q is not a control group below the root", printable(parent))
	}
	return clean
}

// maxUmask is all that a mask can take away (umask(2)).
const maxUmask = 0o777

func (c *converter) umask(mask *uint32) *uint32 {
	if mask != nil && *mask > maxUmask {
		c.problem("umask", "%#o takes away more than permissions: at most 0777", *mask)
	}
	return mask
}

// mode takes what one node can do: global is one container there, and a job
// runs until it is done, as restart says.
func (c *converter) mode(d *types.DeployConfig, out *Service) {
	switch d.Mode {
	case "", "replicated", "replicated-job":
	case "global", "global-job":
		if out.Replicas > 1 {
			c.problem("deploy.mode", "mode %s is one container on the one node there is", d.Mode)
		}
	default:
		c.problem("deploy.mode", "%q is not replicated, global, replicated-job or global-job", printable(d.Mode))
	}
	if strings.HasSuffix(d.Mode, "-job") && out.Restart.Policy != RestartNo && out.Restart.Policy != RestartOnFailure {
		c.problem("deploy.mode", "a job ends, and restart: %s would start it again", out.Restart.Policy)
	}
	if d.EndpointMode != "" && d.EndpointMode != "vip" && d.EndpointMode != "dnsrr" {
		c.problem("deploy.endpoint_mode", "%q is neither vip nor dnsrr", printable(d.EndpointMode))
	}
}
