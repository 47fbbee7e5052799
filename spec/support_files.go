package spec

func fileRows() []support {
	rows := []support{
		yes("configs", ""),
		yes("configs.*", ""),
		yes("configs.*.content", ""),
		yes("secrets", ""),
		yes("secrets.*", ""),
		never("secrets.*.driver", "there is no service that keeps secrets: use file, environment or external"),
		never("secrets.*.driver_opts", "there is no service that keeps secrets: use file, environment or external"),
	}
	for _, top := range []string{"configs", "secrets"} {
		rows = append(rows,
			yes(top+".*.file", "inside the project directory"),
			yes(top+".*.environment", "the caller's, or of an env file"),
			unseen(top+".*.name", "of external ones", "the others are the stack's own, by their key"),
			unseen(top+".*.labels", "accepted", "there is nothing to put them on"),
			yes(top+".*.external", "a file of that name in this machine's "+top+" folder"),
			never(top+".*.template_driver", "nothing fills in templates: use environment, or interpolation in content"),
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
