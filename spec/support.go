package spec

import "slices"

// support says what becomes of one attribute of the Compose Specification.
type support struct {
	path string // as in the schema: * for any name, [] for any list item
	what string // honoured: what it does here, if that needs saying; refused: what to do instead

	refused bool   // for good: what says why
	allowed []any  // refused, but for these values, which say what stackup does anyway
	empty   bool   // refused, unless there is nothing in it
	needs   string // refused, unless this setting is given; rows below it count in any case
	same    string // honoured: why a Stack does not show it

	_ struct{}
}

func yes(path, what string) support         { return support{path: path, what: what} }
func unseen(path, what, why string) support { return support{path: path, what: what, same: why} }

// never refuses what containers on Linux, or on one machine, cannot have.
func never(path, why string, unless ...any) support {
	return support{path: path, what: why, refused: true, allowed: unless}
}

// given refuses what somebody beside stackup has to do, unless a setting says who.
func given(setting, path, why string) support {
	return support{path: path, what: why, refused: true, needs: setting}
}

// supportTable is the one place that says which attributes are honoured. An
// honoured row without rows below it honours all that is below; a refused row
// refuses all below; an attribute without a row is refused.
func supportTable() []support {
	return slices.Concat(topLevel(), networkRows(), volumeRows(), serviceRows(), processRows(), resourceRows(), fileRows(), serviceRefusals(), mountRows(), deployRows(), buildRows(), modelRows())
}

func topLevel() []support {
	return []support{
		unseen("version", "obsolete, ignored with a notice", "the Compose Specification gives it no meaning"),
		yes("name", "project name"),
		unseen("include", "path, project_directory and env_file", "its content shows as if it stood in the including file"),
		yes("services", ""),
		yes("services.*", ""),
		yes("networks", ""),
		yes("volumes", ""),
		yes("jobs", "containers that run makes, and up does not; each as a service"),
		yes("jobs.*", ""),
		yes("jobs.*.triggers", ""),
		yes("jobs.*.triggers.manual", "false: run refuses"),
		never("jobs.*.triggers.schedule", "nothing here goes by the clock: have cron say stackup run"),
	}
}

func networkRows() []support {
	return []support{
		yes("networks.*", "made when a service uses it"),
		yes("networks.*.name", ""),
		yes("networks.*.external", "must exist; never made or removed"),
		yes("networks.*.driver", "bridge, macvlan, ipvlan; host and none as external networks of that name"),
		yes("networks.*.driver_opts", "of bridge: mtu, name, enable_icc, enable_ip_masquerade, host_binding_ipv4; parent and mode of macvlan and ipvlan"),
		unseen("networks.*.attachable", "", "every network is"),
		yes("networks.*.enable_ipv4", "false: IPv6 alone"),
		yes("networks.*.enable_ipv6", "beside IPv4, in a subnet of its own"),
		yes("networks.*.internal", "no way out, and none in but from this machine"),
		yes("networks.*.ipam", ""),
		never("networks.*.ipam.driver", "addresses are chosen by stackup; remove it", "default"),
		{path: "networks.*.ipam.options", what: "they are for other drivers of addresses; remove them", refused: true, empty: true},
		yes("networks.*.ipam.config", "one subnet of IPv4 and one of IPv6"),
		yes("networks.*.ipam.config.[].subnet", ""),
		yes("networks.*.ipam.config.[].gateway", "the bridge's address"),
		yes("networks.*.ipam.config.[].ip_range", "what addresses are chosen from"),
		yes("networks.*.ipam.config.[].aux_addresses", "kept for others"),
		yes("networks.*.labels", ""),
	}
}

func volumeRows() []support {
	return []support{
		yes("volumes.*", "made when a service uses it"),
		yes("volumes.*.name", ""),
		yes("volumes.*.external", "must exist; never made or removed"),
		never("volumes.*.driver", "there are no plugins here: volumes are local, and driver_opts mount what local mounts (nfs, too)", "local"),
		yes("volumes.*.driver_opts", "type, device and o, as mount has them; addr= of nfs and cifs may be a name"),
		yes("volumes.*.labels", "those of a volume that is there change, too"),
	}
}

func serviceRows() []support {
	return []support{
		yes("services.*.image", ""),
		yes("services.*.container_name", "one replica only"),
		yes("services.*.command", ""),
		yes("services.*.entrypoint", ""),
		yes("services.*.environment", "a name without value takes the caller's, or is left out"),
		yes("services.*.env_file", "below environment"),
		yes("services.*.env_file.[].path", "inside the project directory"),
		yes("services.*.env_file.[].required", ""),
		yes("services.*.env_file.[].format", "raw: lines as they are"),
		yes("services.*.working_dir", ""),
		yes("services.*.user", ""),
		yes("services.*.ports", "IPv4, and IPv6 where the network has it"),
		yes("services.*.ports.[].target", ""),
		yes("services.*.ports.[].published", "empty for any free port; a range for the first free one"),
		yes("services.*.ports.[].host_ip", ""),
		yes("services.*.ports.[].protocol", "tcp or udp"),
		unseen("services.*.ports.[].mode", "", "every port is published on this host"),
		unseen("services.*.ports.[].name", "", "it names the port for people"),
		unseen("services.*.ports.[].app_protocol", "", "a hint for proxies in clusters"),
		yes("services.*.networks", "default when none is given"),
		yes("services.*.networks.*", ""),
		yes("services.*.networks.*.aliases", ""),
		yes("services.*.depends_on", ""),
		yes("services.*.depends_on.*", ""),
		yes("services.*.depends_on.*.condition", "started, healthy, completed_successfully"),
		yes("services.*.depends_on.*.required", "false: fine if a profile leaves it out"),
		yes("services.*.depends_on.*.restart", "with the dependency, when a command starts that anew"),
		yes("services.*.healthcheck", ""),
		yes("services.*.healthcheck.test", "CMD, CMD-SHELL, NONE"),
		yes("services.*.healthcheck.disable", ""),
		yes("services.*.healthcheck.interval", ""),
		yes("services.*.healthcheck.timeout", ""),
		yes("services.*.healthcheck.retries", ""),
		yes("services.*.healthcheck.start_period", ""),
		yes("services.*.healthcheck.start_interval", ""),
		yes("services.*.restart", "no, always, on-failure[:n], unless-stopped"),
		yes("services.*.labels", "name and value up to 4096 bytes; names in dev.stackup/ and containerd.io/ are refused"),
		yes("services.*.hostname", ""),
		yes("services.*.stop_signal", ""),
		yes("services.*.stop_grace_period", ""),
		yes("services.*.read_only", ""),
		yes("services.*.tmpfs", ""),
		yes("services.*.init", ""),
		yes("services.*.scale", "100 at most"),
		yes("services.*.profiles", ""),
		unseen("services.*.extends", "file inside the project directory", "the merged service shows"),
		yes("services.*.develop", "carried out by watch, never compared"),
		yes("services.*.develop.watch", ""),
		yes("services.*.develop.watch.[].path", ""),
		yes("services.*.develop.watch.[].action", ""),
		yes("services.*.develop.watch.[].target", ""),
		yes("services.*.develop.watch.[].ignore", ""),
		yes("services.*.develop.watch.[].include", ""),
		yes("services.*.develop.watch.[].exec", ""),
		yes("services.*.develop.watch.[].initial_sync", ""),
	}
}

func mountRows() []support {
	return []support{
		yes("services.*.volumes", ""),
		yes("services.*.volumes.[].type", "bind, volume, tmpfs, image; npipe and cluster are refused: they are for Windows, and for clusters"),
		yes("services.*.volumes.[].source", ""),
		yes("services.*.volumes.[].target", ""),
		yes("services.*.volumes.[].read_only", ""),
		yes("services.*.volumes.[].bind", ""),
		yes("services.*.volumes.[].bind.create_host_path", ""),
		yes("services.*.volumes.[].bind.propagation", ""),
		yes("services.*.volumes.[].bind.recursive", ""),
		yes("services.*.volumes.[].bind.selinux", "as a label that all containers share; nothing where SELinux is off"),
		yes("services.*.volumes.[].volume", ""),
		yes("services.*.volumes.[].volume.nocopy", ""),
		yes("services.*.volumes.[].volume.labels", "of anonymous volumes, and over those at the top level of named ones"),
		yes("services.*.volumes.[].volume.subpath", "a folder that is in the volume"),
		yes("services.*.volumes.[].tmpfs", ""),
		yes("services.*.volumes.[].tmpfs.size", ""),
		yes("services.*.volumes.[].tmpfs.mode", ""),
		yes("services.*.volumes.[].image", "pulled like a service's own; read-only"),
		yes("services.*.volumes.[].image.subpath", ""),
		unseen("services.*.volumes.[].consistency", "", "it means nothing on Linux"),
		yes("services.*.volumes_from", "of services and containers; of a service, volumes that only its image declares stay its own"),
	}
}

func deployRows() []support {
	return []support{
		yes("services.*.deploy", ""),
		yes("services.*.deploy.replicas", "as scale"),
		unseen("services.*.deploy.mode", "replicated, global, and jobs, which end", "there is one node, and restart says what becomes of what ends"),
		unseen("services.*.deploy.endpoint_mode", "vip or dnsrr", "names lead to the containers themselves"),
		yes("services.*.deploy.labels", "carried with the plan; containers have labels"),
		yes("services.*.deploy.placement", "this machine is the one node"),
		yes("services.*.deploy.placement.constraints", "of node.role, node.hostname, node.platform.os and .arch: must hold here"),
		unseen("services.*.deploy.placement.preferences", "", "there is one node to prefer"),
		yes("services.*.deploy.placement.max_replicas_per_node", ""),
		yes("services.*.deploy.resources", ""),
		yes("services.*.deploy.resources.limits", ""),
		yes("services.*.deploy.resources.limits.cpus", "as cpus"),
		yes("services.*.deploy.resources.limits.memory", "as mem_limit"),
		yes("services.*.deploy.resources.limits.pids", "as pids_limit"),
		yes("services.*.deploy.resources.reservations", ""),
		yes("services.*.deploy.resources.reservations.cpus", "as cpu_shares, 1024 a core"),
		yes("services.*.deploy.resources.reservations.memory", "as mem_reservation"),
		yes("services.*.deploy.resources.reservations.devices", "GPUs, or any by CDI"),
		never("services.*.deploy.resources.reservations.generic_resources", "they are for clusters; remove it"),
		yes("services.*.deploy.restart_policy", "condition, delay, max_attempts, window"),
		yes("services.*.deploy.rollback_config", "checked and carried with the plan"),
		yes("services.*.deploy.update_config", "checked and carried with the plan"),
	}
}

func serviceRefusals() []support {
	return []support{
		never("services.*.use_api_socket", "there is no Docker API here; remove it", false),
		never("services.*.cpu_count", "it is for Windows; use cpus"),
		never("services.*.cpu_percent", "it is for Windows; use cpus"),
		never("services.*.credential_spec", "it is for Windows; remove it"),
		never("services.*.isolation", "it is for Windows; remove it", "default"),
	}
}
