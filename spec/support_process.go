package spec

func processRows() []support {
	return []support{
		yes("services.*.privileged", "all capabilities and devices, nothing masked"),
		yes("services.*.cap_add", ""),
		yes("services.*.cap_drop", ""),
		yes("services.*.security_opt", "no-new-privileges, seccomp, apparmor, systempaths"),
		yes("services.*.sysctls", ""),
		yes("services.*.ulimits", ""),
		yes("services.*.shm_size", ""),
		yes("services.*.devices", "nodes of this machine"),
		yes("services.*.device_cgroup_rules", ""),
		yes("services.*.group_add", ""),
		yes("services.*.ipc", "host, or its own"),
		yes("services.*.pid", "host, or its own"),
		yes("services.*.uts", "host, or its own"),
		yes("services.*.cgroup", "host, or its own"),
		unseen("services.*.userns_mode", "host alone", "containers are not mapped to other users"),
		yes("services.*.domainname", ""),
		yes("services.*.extra_hosts", "host-gateway is this machine's address on the first network"),
		yes("services.*.dns", ""),
		yes("services.*.dns_opt", ""),
		yes("services.*.dns_search", ""),
		yes("services.*.tty", ""),
		yes("services.*.stdin_open", ""),
		yes("services.*.oom_score_adj", ""),
		yes("services.*.annotations", "of the OCI runtime specification"),
		yes("services.*.logging", "json-file and local: bounded files"),
		yes("services.*.logging.driver", ""),
		yes("services.*.logging.options", "max-size, max-file"),
		yes("services.*.attach", ""),
		unseen("services.*.expose", "", "services of a network reach each other's ports anyway"),
		yes("services.*.network_mode", "none or host"),
		yes("services.*.label_file", "under labels"),
		yes("services.*.pull_policy", "always, never, missing, daily, weekly, every_DURATION"),
		yes("services.*.platform", "this machine's"),
	}
}

func resourceRows() []support {
	return []support{
		yes("services.*.cpus", ""),
		yes("services.*.cpuset", ""),
		yes("services.*.cpu_shares", ""),
		yes("services.*.cpu_period", ""),
		yes("services.*.cpu_quota", ""),
		yes("services.*.cpu_rt_period", ""),
		yes("services.*.cpu_rt_runtime", ""),
		yes("services.*.mem_limit", ""),
		yes("services.*.mem_reservation", ""),
		yes("services.*.memswap_limit", ""),
		yes("services.*.mem_swappiness", ""),
		yes("services.*.oom_kill_disable", ""),
		yes("services.*.pids_limit", "4096 unless said otherwise; -1 for no limit"),
		yes("services.*.blkio_config", ""),
	}
}
