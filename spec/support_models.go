package spec

// modelRunner is the setting that names the service which runs the models: one
// that speaks OpenAI's API, by the address that containers reach it at.
const modelRunner = "MODEL_RUNNER"

func modelRows() []support {
	const noRunner = "no model runner is configured: set STACKUP_MODEL_RUNNER to the address at which containers reach one, or make the model a service"
	const atRunner = "the runner loads the model: set it there, and remove it here"
	return []support{
		given(modelRunner, "models", noRunner),
		yes("models.*", ""),
		yes("models.*.model", ""),
		unseen("models.*.name", "", "it names the model for people"),
		never("models.*.context_size", atRunner),
		never("models.*.runtime_flags", atRunner),
		given(modelRunner, "services.*.models", noRunner+" and name its address in environment"),
		yes("services.*.models.*", "the runner's address in NAME_URL, the model in NAME_MODEL"),
		yes("services.*.models.*.endpoint_var", "in the place of NAME_URL"),
		yes("services.*.models.*.model_var", "in the place of NAME_MODEL"),
	}
}
