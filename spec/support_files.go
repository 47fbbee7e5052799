package spec

func fileRows() []support {
	rows := []support{
		yes("configs", ""),
		yes("configs.*", ""),
		yes("configs.*.content", ""),
		yes("secrets", ""),
		yes("secrets.*", ""),
		no("secrets.*.driver", "use file or environment"),
		no("secrets.*.driver_opts", "use file or environment"),
	}
	for _, top := range []string{"configs", "secrets"} {
		rows = append(rows,
			yes(top+".*.file", "inside the project directory"),
			yes(top+".*.environment", "the caller's, or of an env file"),
			unseen(top+".*.name", "accepted", "they are the stack's own, by their key"),
			unseen(top+".*.labels", "accepted", "there is nothing to put them on"),
			no(top+".*.external", "there is no store for them: use file or environment"),
			no(top+".*.template_driver", "use environment, or interpolation in content"),
			yes("services.*."+top, ""),
			yes("services.*."+top+".[].source", ""),
			yes("services.*."+top+".[].target", ""),
			yes("services.*."+top+".[].uid", "the container's user, unless given"),
			yes("services.*."+top+".[].gid", "likewise"),
			yes("services.*."+top+".[].mode", "0444 unless given"),
		)
	}
	return rows
}
